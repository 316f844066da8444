//! A kernel pack, as Maven brings it, unpacked as far as its mapper needs it.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::{env, fs};

use tempfile::TempDir;

/// A kernel pack and the homes that were made of it.
pub(crate) struct Pack {
    folder: TempDir,
    kernel: String,
}

impl Pack {
    /// The pack of a kernel; `None`, said aloud, where a tool or the network is missing.
    ///
    /// With `HACTL_REQUIRE_REAL=1` that is a failure.
    pub(crate) fn fetch(kernel: &str) -> Option<Self> {
        match Self::try_fetch(kernel) {
            Ok(pack) => Some(pack),
            Err(why) => {
                skipped(&format!("the real kernel {kernel} is not there: {why}"));
                None
            }
        }
    }

    fn try_fetch(kernel: &str) -> Result<Self, String> {
        let zip = artifact("org.wso2.carbon", "wso2carbon-core", kernel, "zip")?;
        run("java", &["-version"])?;
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let mut words = vec!["-q", zip.to_str().ok_or("a path that is not UTF-8")?];
        words.extend(["*/lib/*.jar", "*/repository/conf/*", "*/repository/resources/conf/*", "*/dbscripts/*", "-d"]);
        words.push(folder.path().to_str().ok_or("a path that is not UTF-8")?);
        run("unzip", &words)?;
        Ok(Self { folder, kernel: kernel.to_owned() })
    }

    /// Where the pack is unpacked.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join(format!("wso2carbon-core-{}", self.kernel))
    }

    /// The configuration file as it is shipped.
    pub(crate) fn shipped(&self) -> String {
        fs::read_to_string(self.root().join("repository/conf/deployment.toml")).unwrap()
    }

    /// Makes a home of its own for each configuration, lets the mapper read all of them, and returns the homes.
    pub(crate) fn render(&self, configurations: &[String]) -> Vec<PathBuf> {
        let homes: Vec<PathBuf> =
            (0..configurations.len()).map(|index| self.folder.path().join(format!("node-{index}"))).collect();
        for (home, configuration) in homes.iter().zip(configurations) {
            copy(&self.root().join("repository"), &home.join("repository"));
            fs::write(home.join("repository/conf/deployment.toml"), configuration).unwrap();
        }
        let libraries = format!("{}/lib/*", self.root().display());
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/product/Mapper.java");
        let mut words = vec!["-cp", &libraries, program];
        words.extend(homes.iter().map(|home| home.to_str().unwrap()));
        run("java", &words).unwrap_or_else(|why| panic!("the mapper of kernel {} refuses: {why}", self.kernel));
        homes
    }
}

/// Says that a test is skipped, aloud; a failure where everything must be there.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn skipped(why: &str) {
    assert!(env::var_os("HACTL_REQUIRE_REAL").is_none_or(|value| value != "1"), "{why}");
    eprintln!("SKIPPED: {why}");
}

/// A file as Maven brings it, fetched once.
pub(crate) fn artifact(group: &str, name: &str, version: &str, kind: &str) -> Result<PathBuf, String> {
    let home = env::var_os("HOME").ok_or("no HOME")?;
    let folder = group.replace('.', "/");
    let file = format!(".m2/repository/{folder}/{name}/{version}/{name}-{version}.{kind}");
    let file = Path::new(&home).join(file);
    if !file.is_file() {
        let artifact = format!("-Dartifact={group}:{name}:{version}:{kind}");
        run("mvn", &["-q", "-B", "dependency:get", &artifact, "-Dtransitive=false"])?;
    }
    Ok(file)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this test runs the real product's programs")]
pub(crate) fn run(program: &str, words: &[&str]) -> Result<Output, String> {
    // A server that is started at boot has no locale either.
    let output = std::process::Command::new(program).args(words).env("LC_ALL", "C").output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{program} {}: {}\n{out}{err}", words.join(" "), output.status))
}
