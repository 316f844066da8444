//! `proxy-ports`: the product writes the balancer's ports, not its own, into URLs and redirects.

use super::node::{ByPath as _, Node};
use super::{HostContext, Step, StepError, Wants};
use crate::model::StepName;
use crate::resources::edit::{TomlKeys, Value};

/// The product writes the balancer's ports, not its own, into URLs and redirects.
pub(super) struct ProxyPorts;

impl Step for ProxyPorts {
    fn name(&self) -> StepName {
        StepName("proxy-ports")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let (Some(node), Some(endpoint)) = (Node::of(on)?, &on.cluster.endpoint) else {
            return Ok(());
        };
        let known = &node.profile.keys;
        let mut keys = TomlKeys::new();
        for (key, port) in
            [(&known.http_proxy_port, endpoint.http_port), (&known.https_proxy_port, endpoint.https_port)]
        {
            if let Some(port) = port {
                keys = keys.put(key, Value::Integer(port.into()));
            }
        }
        node.configure(wants, keys)
    }
}
