//! `proxy-ports`: the product listens where the inventory says, and writes the balancer's ports, not its own, into URLs
//! and redirects.

use super::node::{ByPath as _, Node};
use super::{HostContext, Step, StepError, Wants};
use crate::model::StepName;
use crate::resources::edit::{TomlKeys, Value};

/// The product's own ports, and the balancer's in its URLs and redirects.
pub(super) struct ProxyPorts;

impl Step for ProxyPorts {
    fn name(&self) -> StepName {
        StepName("proxy-ports")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let Some(node) = Node::of(on)? else { return Ok(()) };
        let known = &node.profile.keys;
        let mut keys = TomlKeys::new();
        if let Some(offset) = node.product.port_offset {
            // Text, as the product's own files have it.
            keys = keys.put(&known.port_offset, Value::Text(offset.to_string()));
        }
        let (http, https) =
            on.cluster.endpoint.as_ref().map_or((None, None), |endpoint| (endpoint.http_port, endpoint.https_port));
        for (key, port) in [(&known.http_proxy_port, http), (&known.https_proxy_port, https)] {
            if let Some(port) = port {
                keys = keys.put(key, Value::Integer(port.into()));
            }
        }
        node.configure(wants, keys)
    }
}
