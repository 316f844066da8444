//! Keywords and their values, from wherever they were read. Pure.

/// Keywords whose value is a list of files.
const LISTS: [&str; 2] = ["userknownhostsfile", "globalknownhostsfile"];

/// One keyword that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// In lower case.
    pub(super) keyword: String,
    pub(super) values: Vec<String>,
    /// The file and line, where they are known.
    pub(super) place: Option<String>,
}

impl Setting {
    /// The keyword with its place, for a message.
    pub(super) fn shown(&self) -> String {
        match &self.place {
            Some(place) => format!("{} ({place})", self.keyword),
            None => self.keyword.clone(),
        }
    }

    /// The value as one text.
    pub(super) fn text(&self) -> String {
        self.values.join(" ")
    }
}

/// What is set, in the order in which it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Settings(pub(super) Vec<Setting>);

impl Settings {
    /// What `ssh -G` prints: a keyword and its value on each line, defaults included.
    pub(super) fn of_answer(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.trim_end_matches('\r').split_once(' '));
        let setting = |(keyword, value): (&str, &str)| {
            let keyword = keyword.to_ascii_lowercase();
            let values = match LISTS.contains(&keyword.as_str()) {
                true => files(value),
                false => vec![value.to_owned()],
            };
            Setting { keyword, values, place: None }
        };
        Self(lines.map(setting).collect())
    }

    /// What differs from the client's own defaults.
    pub(super) fn beyond(self, defaults: &Self, name: &str) -> Self {
        let differs = |setting: &Setting| match setting.keyword.as_str() {
            "host" => false,
            "hostname" => !setting.text().eq_ignore_ascii_case(name),
            keyword => !self.values(keyword).eq(defaults.values(keyword)),
        };
        Self(self.0.iter().filter(|setting| differs(setting)).cloned().collect())
    }

    fn values<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = &'a Vec<String>> {
        self.all(keyword).map(|setting| &setting.values)
    }

    /// The first that is set under this keyword, which is the one that holds.
    pub(super) fn first(&self, keyword: &str) -> Option<&Setting> {
        self.0.iter().find(|setting| setting.keyword == keyword)
    }

    /// All that are set under a keyword that may stand several times.
    pub(super) fn all<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = &'a Setting> {
        self.0.iter().filter(move |setting| setting.keyword == keyword)
    }
}

/// A list of files as `ssh -G` prints it: without quotes, so that a blank in a name looks like one between two. Names
/// begin with `/`, `~` or `$` there, which tells the two apart.
fn files(value: &str) -> Vec<String> {
    let mut files: Vec<String> = Vec::new();
    for word in value.split(' ') {
        match files.last_mut() {
            Some(last) if last != "none" && !word.starts_with(['/', '~', '$']) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => files.push(word.to_owned()),
        }
    }
    files
}
