//! All steps, in the order in which a playbook usually takes them.

use super::Step;
use super::caching::Caching;
use super::database_schema::DatabaseSchema;
use super::datasources::Datasources;
use super::hostname::Hostname;
use super::jdbc_driver::JdbcDriver;
use super::keystores::Keystores;
use super::load_balancer::LoadBalancer;
use super::membership::Membership;
use super::preflight::Preflight;
use super::product_pack::ProductPack;
use super::proxy_ports::ProxyPorts;
use super::registry_mount::RegistryMount;
use super::service_unit::ServiceUnit;
use super::shared_files::SharedFiles;
use super::start_nodes::StartNodes;
use super::user_store::UserStore;
use super::verify::Verify;

/// All steps by name; a playbook may name these and no others.
pub fn registry() -> &'static [&'static dyn Step] {
    &[
        &Preflight,
        &ProductPack,
        &JdbcDriver,
        &Keystores,
        &DatabaseSchema,
        &Datasources,
        &UserStore,
        &RegistryMount,
        &Membership,
        &Caching,
        &ProxyPorts,
        &Hostname,
        &SharedFiles,
        &ServiceUnit,
        &LoadBalancer,
        &StartNodes,
        &Verify,
    ]
}
