//! `product:`: what runs on the nodes.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// The product. `home`, `java_home` and `run_as` may also stand under a group or a host, where they override these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProductSettings {
    /// The product's name: `wso2is`, or `wso2carbon` for the bare kernel.
    pub name: Option<String>,
    /// The product's version, such as `7.1.0`.
    pub version: Option<String>,
    /// Where the product is on the host: the folder that holds `bin` and `repository`.
    pub home: Option<String>,
    /// The pack that is unpacked where `home` is not there yet. Without it, a missing home is an error.
    pub pack: Option<Pack>,
    /// A profile file to use instead of the built-in one for this product and version.
    #[schemars(extend("format" = "local-file"))]
    pub profile: Option<PathBuf>,
    /// The JDK on the host, such as `/usr/lib/jvm/java-17-openjdk-amd64`.
    pub java_home: Option<String>,
    /// The user the product runs as, and who owns its files. Default: the owner of the files that are there.
    pub run_as: Option<String>,
    /// What starts and stops the product: its own start script, or a unit of systemd that hactl writes. Default: script.
    pub service: Option<Service>,
    /// Added to the product's ports, but not to the membership port. Default: what the host's configuration says.
    #[schemars(range(max = 50000))]
    pub port_offset: Option<u16>,
    /// Seconds from a start until the product must be ready, without those that multicast waits for others. Default: 300.
    #[schemars(range(min = 1))]
    pub start_timeout: Option<u32>,
    /// Seconds from a stop until the process is killed. Default: 60.
    #[schemars(range(min = 1))]
    pub stop_timeout: Option<u32>,
}

/// What starts and stops a product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Its own start script.
    #[default]
    Script,
    /// A unit of systemd.
    Systemd,
}

/// The product's pack, a zip file on the controller.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// The zip file, relative to the inventory. What is in its only folder becomes the content of `home`.
    #[schemars(extend("format" = "local-file"))]
    pub file: PathBuf,
    /// Its SHA-256, 64 hexadecimal digits.
    #[schemars(regex(pattern = "^[0-9a-fA-F]{64}$"))]
    pub sha256: String,
}
