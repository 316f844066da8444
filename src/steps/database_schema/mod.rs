//! `database-schema`: the databases hold the product's tables.

use super::datasources::{self, Source};
use super::finding::refuse;
use super::jdbc_driver;
use super::node::Node;
use super::{HostContext, Step, StepError, Wants};
use crate::model::StepName;
use crate::model::profile::{DatabaseFacts, SchemaFacts};
use crate::resources::{Schema, SchemaScript};

/// The databases hold the product's tables. One host is enough to make them.
pub(super) struct DatabaseSchema;

impl Step for DatabaseSchema {
    fn name(&self) -> StepName {
        StepName("database-schema")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        let Some(node) = Node::of(on)? else { return Ok(()) };
        if !on.cluster.databases.create_schema {
            return Ok(());
        }
        let facts = &node.profile.databases;
        refuse(datasources::check(on.cluster, node.profile))?;
        let mut schemas: Vec<Schema> = Vec::new();
        for source in datasources::sources(&on.cluster.databases, facts) {
            let Some((facts, folders)) = scripts_of(&source, facts) else { continue };
            let schema = schema(&source, on, &node, facts, folders)?;
            // Two datasources may be one database: it is filled once, with the scripts of both.
            match schemas.iter_mut().find(|known| known.url == schema.url) {
                Some(known) => join(known, schema),
                None => schemas.push(schema),
            }
        }
        for schema in schemas {
            wants.add(schema);
        }
        Ok(())
    }
}

/// The scripts' names and folders for a database; `None` where no script is known for it.
fn scripts_of<'a>(source: &Source<'a>, facts: &'a DatabaseFacts) -> Option<(&'a SchemaFacts, &'a [String])> {
    let schema = facts.types.get(&source.database.kind)?.schema.as_ref()?;
    let folders = match source.slot {
        Some(slot) => &slot.scripts,
        None => facts.extra_scripts.get(source.name())?,
    };
    (!folders.is_empty()).then_some((schema, folders))
}

fn schema(
    source: &Source<'_>,
    on: &HostContext<'_>,
    node: &Node<'_>,
    facts: &SchemaFacts,
    folders: &[String],
) -> Result<Schema, StepError> {
    let files = &node.profile.files;
    let folder = node.path(&files.scripts)?;
    let mut scripts = Vec::new();
    for (index, below) in folders.iter().enumerate() {
        let prefix = if below == "." { String::new() } else { format!("{below}/") };
        let paths = facts.names.iter().map(|name| node.path(&format!("{}/{prefix}{name}.sql", files.scripts)));
        scripts.push(SchemaScript { paths: paths.collect::<Result<_, _>>()?, required: index == 0 });
    }
    let mut grounds = vec![folder];
    for name in jdbc_driver::file_names(on.cluster) {
        grounds.push(node.path(&format!("{}/{name}", files.drivers))?);
    }
    let database = source.database.name.as_deref().unwrap_or("NAME");
    Ok(Schema {
        name: source.name().to_owned(),
        url: source.url(&node.profile.databases),
        driver: source.driver_class(on.cluster, &node.profile.databases),
        user: source.database.username.clone(),
        password: source.password(on)?,
        scripts,
        separator: facts.separator,
        make: facts.create.fill(&[("name", database)]),
        java_home: node.product.java_home.clone(),
        drivers: node.path(&files.drivers)?,
        grounds,
    })
}

fn join(known: &mut Schema, other: Schema) {
    known.name = format!("{}+{}", known.name, other.name);
    for script in other.scripts {
        if !known.scripts.iter().any(|there| there.paths == script.paths) {
            known.scripts.push(script);
        }
    }
}
