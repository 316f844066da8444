//! The folder of a host: its home, its programs, its JDK.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::exec::find;
use super::{LabError, LabHost, Layout, Role};
use crate::model::quote;

/// Makes the folder of a host, with nothing of the product in it.
pub(super) fn make(layout: &Layout, host: &LabHost, program: &Path) -> Result<(), LabError> {
    let root = layout.host_folder(host.name);
    for folder in ["bin", "home", "opt", "tmp", "var/lib/hactl", "etc"] {
        let path = root.join(folder);
        fs::create_dir_all(&path).map_err(|error| LabError::file("make", &path, &error))?;
    }
    match host.role {
        Role::Node => {
            let java = layout.java_home(host.name).join("bin");
            fs::create_dir_all(&java).map_err(|error| LabError::file("make", &java, &error))?;
            script(&java.join("java"), &linked(layout, host, "java", program)?, "java", layout, host)?;
            if !find("unzip") {
                script(&root.join("bin/unzip"), &linked(layout, host, "unzip", program)?, "unzip", layout, host)?;
            }
        }
        Role::Balancer => {
            for folder in ["etc/nginx/conf.d", "var/run", "var/log/nginx"] {
                let path = root.join(folder);
                fs::create_dir_all(&path).map_err(|error| LabError::file("make", &path, &error))?;
            }
            let main = root.join("etc/nginx/nginx.conf");
            if !main.exists() {
                let text = include_str!("pack/nginx.conf").replace("@FOLDER@", &root.to_string_lossy());
                fs::write(&main, text).map_err(|error| LabError::file("write", &main, &error))?;
            }
            script(&root.join("bin/nginx"), &linked(layout, host, "nginx", program)?, "nginx", layout, host)?;
        }
        Role::Database => {}
    }
    Ok(())
}

/// This program by another name: the kernel calls a process by the name of the file that it was started from.
fn linked(layout: &Layout, host: &LabHost, name: &str, program: &Path) -> Result<PathBuf, LabError> {
    let link = layout.host_folder(host.name).join("lib").join(name);
    let failed = |error: std::io::Error| LabError::file("make", &link, &error);
    link.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
    if link.is_symlink() {
        fs::remove_file(&link).map_err(failed)?;
    }
    std::os::unix::fs::symlink(program, &link).map_err(failed)?;
    Ok(link)
}

/// A program of the host that is played by this one.
fn script(path: &Path, program: &Path, name: &str, layout: &Layout, host: &LabHost) -> Result<(), LabError> {
    let quoted = |path: &Path| quote(&path.to_string_lossy());
    let text = format!(
        "#!/bin/sh\n# The {name} of this host of the lab.\nHACTL_LAB={} HACTL_LAB_HOST={} exec {} lab-program {name} \"$@\"\n",
        quoted(&layout.folder),
        host.name,
        quoted(program),
    );
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
        .map_err(|error| LabError::file("write", path, &error))
}
