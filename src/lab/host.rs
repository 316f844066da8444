//! The folder of a host: its home, its programs, its JDK.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

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
            script(&java.join("java"), program, "java", layout, host)?;
            if !find("unzip") {
                script(&root.join("bin/unzip"), program, "unzip", layout, host)?;
            }
        }
        Role::Balancer => {
            fs::create_dir_all(root.join("etc/nginx/conf.d")).map_err(|error| LabError::file("make", &root, &error))?;
            script(&root.join("bin/nginx"), program, "nginx", layout, host)?;
        }
        Role::Database => {}
    }
    Ok(())
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
