//! The programs of the lab's hosts, played by hactl itself: `java`, `unzip`, `nginx`. What they were not told they refuse.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::exec::{HOST_VARIABLE, LAB_VARIABLE};
use super::printed::Printed;
use super::{LabError, State, node, zip};

/// Runs a program of the lab. The surroundings say which lab and which host it is on.
pub async fn run(name: &str, words: &[OsString]) -> Printed {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match name {
        "java" => java(&words).await,
        "unzip" => unzip(&words),
        "nginx" => nginx(&words).await,
        _ => Err(LabError::new(format!("{name} is no program of the lab"))),
    };
    done.unwrap_or_else(|error| Printed::failed(1, format!("{name}: {error}\n")))
}

/// What `java -version` says.
const VERSION: &str = "openjdk version \"17.0.12\" 2024-07-16\nOpenJDK Runtime Environment (hactl lab) (build 17.0.12+7)\nOpenJDK 64-Bit Server VM (hactl lab) (build 17.0.12+7, mixed mode, sharing)\n";

/// The class that hactl asks a database with.
const SCHEMA: &str = "Schema";
const BOOTSTRAP: &str = "org.wso2.carbon.bootstrap.Bootstrap";

async fn java(words: &[&str]) -> Result<Printed, LabError> {
    if words == ["-version"] {
        return Ok(Printed { stderr: VERSION.to_owned(), ..Printed::default() });
    }
    let line = CommandLine::read(words)?;
    match line.class {
        BOOTSTRAP => {}
        SCHEMA => {
            let mut input = String::new();
            std::io::Read::read_to_string(&mut std::io::stdin().lock(), &mut input)
                .map_err(|error| LabError::new(format!("standard input: {error}")))?;
            return super::schema::run(line.class_path, &line.rest, &input).await;
        }
        class => return Err(LabError::new(format!("Error: Could not find or load main class {class}"))),
    }
    let refused = || LabError::new("this lab's java only starts the product: -Dcarbon.home is missing");
    let home = PathBuf::from(line.property("carbon.home").ok_or_else(refused)?);
    let (folder, host) = place()?;
    let state = State::read(&folder)?;
    let layout = state.layout(&folder);
    let host = layout.host(&host).ok_or_else(|| LabError::new(format!("the lab has no host {host}")))?;
    let setup = line.property("setup").is_some() || line.rest.contains(&"-Dsetup");
    let status = node::run(node::Start { layout, host, home, setup }).await?;
    Ok(Printed { status, ..Printed::default() })
}

async fn nginx(words: &[&str]) -> Result<Printed, LabError> {
    let (folder, host) = place()?;
    let main = folder.join("hosts").join(host).join("etc/nginx/nginx.conf");
    super::balancer::nginx(words, &folder, &main).await
}

/// Which lab and which host this program runs on.
fn place() -> Result<(PathBuf, String), LabError> {
    let variable = |name| std::env::var(name).map_err(|_| LabError::new(format!("{name} is not set")));
    Ok((PathBuf::from(variable(LAB_VARIABLE)?), variable(HOST_VARIABLE)?))
}

/// Java's command line: options, a class, the rest.
struct CommandLine<'a> {
    options: Vec<&'a str>,
    class_path: &'a str,
    class: &'a str,
    rest: Vec<&'a str>,
}

impl<'a> CommandLine<'a> {
    fn read(words: &[&'a str]) -> Result<Self, LabError> {
        let mut words = words.iter().copied();
        let (mut options, mut class_path) = (Vec::new(), "");
        while let Some(word) = words.next() {
            if !word.starts_with('-') {
                return Ok(Self { options, class_path, class: word, rest: words.collect() });
            }
            match word {
                "-cp" | "-classpath" | "--class-path" => class_path = words.next().unwrap_or_default(),
                "--add-opens" => drop(words.next()),
                _ if ["-D", "-X", "--add-opens="].iter().any(|known| word.starts_with(known)) => {}
                "-server" | "-ea" => {}
                _ => return Err(LabError::new(format!("Unrecognized option: {word}"))),
            }
            options.push(word);
        }
        Err(LabError::new("no class to run"))
    }

    fn property(&self, name: &str) -> Option<&'a str> {
        let read = |option: &&'a str| {
            let rest = option.strip_prefix("-D")?.strip_prefix(name)?;
            if rest.is_empty() { Some("") } else { rest.strip_prefix('=') }
        };
        self.options.iter().rev().find_map(read)
    }
}

/// `unzip [-q] [-o] FILE -d FOLDER`: every entry inside the folder, and its mode.
fn unzip(words: &[&str]) -> Result<Printed, LabError> {
    let (file, folder) = match words {
        ["-q" | "-qq", "-o", file, "-d", folder] | ["-qo" | "-oq", file, "-d", folder] => (file, folder),
        _ => return Ok(Printed::failed(10, "unzip: the lab's unzip knows `unzip -q -o FILE -d FOLDER`\n")),
    };
    let bytes = fs::read(file).map_err(|error| LabError::file("read", Path::new(file), &error))?;
    let entries = match zip::read(&bytes) {
        Ok(entries) => entries,
        Err(damage) => return Ok(Printed::failed(3, format!("unzip: {file}: {damage}\n"))),
    };
    let folder = Path::new(folder);
    for entry in entries {
        let inside = Path::new(entry.name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !inside {
            return Ok(Printed::failed(2, format!("unzip: {} leads out of the folder\n", entry.name)));
        }
        let path = folder.join(entry.name);
        let failed = |error: std::io::Error| LabError::file("write", &path, &error);
        if entry.name.ends_with('/') {
            fs::create_dir_all(&path).map_err(failed)?;
        } else {
            path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
            fs::write(&path, entry.content).map_err(failed)?;
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(entry.mode)).map_err(failed)?;
    }
    Ok(Printed::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn java_tells_its_version_and_refuses_what_it_was_not_told() {
        let version = run("java", &["-version".into()]).await;
        assert!(version.stderr.starts_with("openjdk version \"17.") && version.status == 0);
        for words in [vec!["Other"], vec!["--list-modules"], vec![], vec!["-jar", "x.jar"]] {
            let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
            assert_eq!(run("java", &words).await.status, 1, "{words:?}");
        }
    }

    #[test]
    fn properties_are_read_from_the_command_line() {
        let words = ["-Xmx1g", "-classpath", "a:b", "-Dcarbon.home=/opt/a b", "-Dsetup", BOOTSTRAP, "more"];
        let line = CommandLine::read(&words).unwrap();
        assert_eq!((line.class, line.property("carbon.home")), (BOOTSTRAP, Some("/opt/a b")));
        assert_eq!((line.property("setup"), line.property("carbon")), (Some(""), None));
        assert_eq!(line.rest, ["more"]);
    }

    #[test]
    fn the_pack_is_unpacked_with_its_modes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pack");
        fs::write(&file, super::super::pack::pack()).unwrap();
        let words = ["-q", "-o", file.to_str().unwrap(), "-d", folder.path().to_str().unwrap()];
        assert_eq!(unzip(&words).unwrap(), Printed::default());
        let script = folder.path().join("wso2carbon-core-4.9.1/bin/wso2server.sh");
        assert_eq!(fs::metadata(script).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(unzip(&["-l", "x"]).unwrap().status, 10);
    }
}
