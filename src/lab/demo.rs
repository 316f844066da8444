//! What `hactl lab demo` shows: commands as a person types them, and what each must come to.

use std::path::PathBuf;

use super::{HOSTNAME, Layout};

/// One thing that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// What it is about: a sentence.
    pub says: String,
    /// What is done.
    pub act: Act,
}

/// What is done in a scene.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A command of hactl's, and what must come of it.
    Type {
        /// The words behind `hactl`.
        words: Vec<String>,
        /// The exit code.
        exits: i32,
        /// Texts that the output must hold.
        holds: Vec<String>,
    },
    /// A line of a file becomes another one, by hand.
    Edit {
        /// The file.
        file: PathBuf,
        /// What stands there.
        from: String,
        /// What is written instead.
        to: String,
    },
    /// Requests through the public name: these nodes must answer, each at least once.
    Visit {
        /// Their names.
        nodes: Vec<&'static str>,
    },
}

/// What is put right again after it was shown.
struct Mistake {
    says: &'static str,
    make: Act,
    finds: String,
    mend: Act,
}

/// The words of the inventory and of the lab's folder as they are typed.
const INVENTORY: &str = "lab/inventory.yaml";
const FOLDER: [&str; 2] = ["--folder", "lab"];

/// All scenes, in order, after `hactl lab up --folder lab`.
pub fn scenes(layout: &Layout) -> Vec<Scene> {
    let mut all = vec![
        typed("A slip of the pen, as everybody makes it", edit(layout, "kind: nginx", "kind: ngimx")),
        typed(
            "The inventory is read before anything connects",
            hactl(&["validate", INVENTORY], 65, &["ngimx", "did you mean `nginx`"]),
        ),
        typed("Mended", edit(layout, "kind: ngimx", "kind: nginx")),
        typed("Now it is right", hactl(&["validate", INVENTORY], 0, &["3 hosts"])),
    ];
    for mistake in mistakes(layout) {
        all.push(typed(mistake.says, mistake.make));
        all.push(typed(
            "The rules are judged on the hosts, and nothing is changed",
            hactl(&["preflight", INVENTORY], 5, &[&mistake.finds]),
        ));
        all.push(typed("Mended", mistake.mend));
    }
    let both = ["is-1", "is-2"];
    // The seed picks who is hit; the other one goes on.
    let (hit, other) = if picks(layout, 1) { ("is-1", "is-2") } else { ("is-2", "is-1") };
    all.extend([
        typed("All rules hold", hactl(&["preflight", INVENTORY], 0, &["0 errors"])),
        typed("What would be done", hactl(&["plan", INVENTORY], 2, &["would make them"])),
        typed("It is done", hactl(&["apply", INVENTORY], 0, &["0 failed", "2 members", "what is-1 wrote is-2 reads"])),
        typed("Both nodes answer through the balancer", Act::Visit { nodes: both.to_vec() }),
        typed(
            "Once more: there is nothing left to do",
            hactl(&["apply", INVENTORY], 0, &["3 hosts in place; nothing to do"]),
        ),
        typed("Somebody edits a file by hand", broken("edit-file", hit)),
        typed("It is seen", hactl(&["plan", INVENTORY], 2, &["edited.by.hand.example", &format!("\"{HOSTNAME}\"")])),
        typed(
            "And put right; the node has never read the edit, so it is not restarted",
            hactl(&["apply", INVENTORY], 0, &["1 change on 1 host, 0 failed"]),
        ),
        typed("A node dies", broken("kill-node", hit)),
        typed("The other one answers", Act::Visit { nodes: vec![other] }),
        typed("The dead one is started", hactl(&["apply", INVENTORY], 0, &["0 failed", "2 members"])),
        typed("Both answer again", Act::Visit { nodes: both.to_vec() }),
        typed("In place", hactl(&["apply", INVENTORY], 0, &["nothing to do"])),
    ]);
    all
}

fn typed(says: &str, act: Act) -> Scene {
    Scene { says: says.to_owned(), act }
}

fn hactl(words: &[&str], exits: i32, holds: &[&str]) -> Act {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Act::Type { words: owned(words), exits, holds: owned(holds) }
}

fn broken(what: &str, node: &str) -> Act {
    hactl(&["lab", "break", what, node, FOLDER[0], FOLDER[1]], 0, &[])
}

fn edit(layout: &Layout, from: &str, to: &str) -> Act {
    Act::Edit { file: layout.folder.join("inventory.yaml"), from: from.to_owned(), to: to.to_owned() }
}

fn picks(layout: &Layout, bit: u8) -> bool {
    layout.seeded("demo").first().is_some_and(|byte| byte >> bit & 1 == 1)
}

/// Three mistakes that only the hosts can tell of, in an order that the seed picks.
fn mistakes(layout: &Layout) -> Vec<Mistake> {
    let node = if picks(layout, 0) { "is-1" } else { "is-2" };
    let mut all = vec![
        Mistake {
            says: "A JDK that is not there",
            make: edit(layout, &format!("hosts/{node}/opt/jdk-17"), &format!("hosts/{node}/opt/jdk-18")),
            finds: "O01".to_owned(),
            mend: edit(layout, &format!("hosts/{node}/opt/jdk-18"), &format!("hosts/{node}/opt/jdk-17")),
        },
        Mistake {
            says: "Another program has the port of a node",
            make: broken("port-taken", node),
            finds: "O03".to_owned(),
            mend: broken("port-freed", node),
        },
        Mistake {
            says: "The database is away",
            make: broken("stop-database", "is-1"),
            finds: "D08".to_owned(),
            mend: broken("start-database", "is-1"),
        },
    ];
    let turn = layout.seeded("demo").get(1).map_or(0, |byte| usize::from(*byte) % all.len());
    all.rotate_left(turn);
    all
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_seed_picks_and_the_same_one_picks_the_same() {
        let of = |seed| scenes(&Layout::new(Path::new("/lab"), seed));
        assert_eq!(of(1), of(1));
        assert!((2..20).any(|seed| of(seed) != of(1)));
    }
}
