//! `%h`, `~` and `${VARIABLE}` in the values of an ssh_config. Pure.

use std::path::PathBuf;

/// The person and the machine that hactl runs for, as tokens tell of them.
#[derive(Debug, Clone)]
pub struct Here {
    /// The user's name.
    pub user: String,
    /// The user's number.
    pub uid: u32,
    /// The user's home folder, where there is one.
    pub home: Option<PathBuf>,
    /// The machine's name.
    pub machine: String,
    /// Reads a variable of the environment.
    pub variable: fn(&str) -> Option<String>,
}

impl Here {
    /// Asks the system who runs this; `home` is used where it does not say where his home is.
    pub fn of_this_process(user: &str, home: Option<PathBuf>, machine: &str) -> Self {
        // OpenSSH takes the account's home folder, whatever `HOME` says.
        let account = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
        Self {
            user: account.as_ref().map_or_else(|| user.to_owned(), |account| account.name.clone()),
            uid: nix::unistd::getuid().as_raw(),
            home: account.map(|account| account.dir).or(home),
            machine: machine.to_owned(),
            variable: |name| std::env::var(name).ok(),
        }
    }
}

/// What the tokens of one name stand for.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    pub(super) here: &'a Here,
    /// The name as it was typed.
    pub(super) name: &'a str,
    /// The address that it leads to.
    pub(super) address: &'a str,
    pub(super) user: &'a str,
    pub(super) port: u16,
    /// The name that the host's key is recorded under.
    pub(super) key_alias: &'a str,
}

impl Tokens<'_> {
    /// Puts in what the tokens among `allowed` stand for. The error completes the sentence “`VALUE` …”.
    pub(super) fn percent(&self, text: &str, allowed: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                out.push(letter);
                continue;
            }
            match letters.next() {
                Some('%') => out.push('%'),
                Some(token) if allowed.contains(token) => self.put(token, &mut out)?,
                Some(token) => return Err(format!("holds %{token}, which has no meaning that hactl knows there")),
                None => return Err("ends in a single %".to_owned()),
            }
        }
        Ok(out)
    }

    fn put(&self, token: char, out: &mut String) -> Result<(), String> {
        match token {
            'h' => out.push_str(self.address),
            'n' => out.push_str(self.name),
            'r' => out.push_str(self.user),
            'p' => out.push_str(&self.port.to_string()),
            'u' => out.push_str(&self.here.user),
            'i' => out.push_str(&self.here.uid.to_string()),
            'k' => out.push_str(self.key_alias),
            'l' => out.push_str(&self.here.machine),
            'L' => out.push_str(self.here.machine.split('.').next().unwrap_or_default()),
            'd' => out.push_str(&self.home()?.to_string_lossy()),
            other => return Err(format!("holds %{other}, which hactl cannot work out")),
        }
        Ok(())
    }

    fn home(&self) -> Result<&PathBuf, String> {
        self.here.home.as_ref().ok_or_else(|| "needs the home folder, which is not known".to_owned())
    }

    /// The file that a path of an ssh_config means; relative ones start where hactl runs.
    pub(super) fn file(&self, text: &str) -> Result<PathBuf, String> {
        let text = self.variables(&self.tilde(text)?)?;
        Ok(PathBuf::from(self.percent(&text, "dhikLlnpru")?))
    }

    fn tilde(&self, text: &str) -> Result<String, String> {
        match text.strip_prefix('~') {
            None => Ok(text.to_owned()),
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                // What stands in the name of the home folder is no token.
                Ok(self.home()?.to_string_lossy().replace('%', "%%") + rest)
            }
            Some(_) => Err("is in the home folder of somebody else".to_owned()),
        }
    }

    /// Puts in the variables, which are written `${NAME}`.
    fn variables(&self, text: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, behind) = after.split_once('}').ok_or_else(|| "holds a ${ without its }".to_owned())?;
            let value =
                (self.here.variable)(name).ok_or_else(|| format!("needs the variable {name}, which is not set"))?;
            out.push_str(before);
            out.push_str(&value.replace('%', "%%"));
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }
}
