//! Lists the profiles of `playbooks/profiles`, so that a new product version is one file and nothing else.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("playbooks/profiles");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files =
        fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<PathBuf>, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let name = file.file_stem().and_then(|stem| stem.to_str()).ok_or("a file name that is not UTF-8")?;
        list += &format!("    ({name:?}, include_str!({:?})),\n", file.to_str().ok_or("a path that is not UTF-8")?);
    }
    list += "]\n";
    fs::write(Path::new(&env::var("OUT_DIR")?).join("profiles.rs"), list)?;
    Ok(())
}
