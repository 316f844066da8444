//! Where a node keeps its users and what else it shares: the database server, or, as shipped, nowhere but in itself.

use super::configuration::Database;
use crate::lab::database::{Answer, Client, Data, Query, wanted};

/// A store of rows.
pub(super) enum Store {
    /// The node's own.
    Own(Data),
    /// The database server's, connected when it is used.
    Server { database: Database, client: Option<Client> },
}

impl Store {
    /// Opens the store that a configuration names.
    ///
    /// # Errors
    /// In the words of a driver.
    pub(super) async fn open(database: &Database) -> Result<Self, String> {
        if database.server().is_none() {
            let mut own = Data::default();
            wanted().for_each(|table| drop(own.answer(Query::Create(table.to_owned()))));
            return Ok(Self::Own(own));
        }
        let client = Some(login(database).await?);
        Ok(Self::Server { database: database.clone(), client })
    }

    /// Asks something; a connection that died is made once more.
    ///
    /// # Errors
    /// What the database refuses, or that it is gone.
    pub(super) async fn ask(&mut self, query: Query) -> Result<Answer, String> {
        match self {
            Self::Own(data) => match data.answer(query) {
                Answer::Error(refused) => Err(refused),
                answer => Ok(answer),
            },
            Self::Server { database, client } => {
                if let Some(open) = client {
                    match open.ask(&query).await {
                        Err(gone) if gone == "Communications link failure" => *client = None,
                        answer => return answer,
                    }
                }
                let open = client.insert(login(database).await?);
                open.ask(&query).await
            }
        }
    }
}

async fn login(database: &Database) -> Result<Client, String> {
    let (host, port, name) = database.server().ok_or("No suitable driver")?;
    Client::login((&host, port), &database.username, &database.password, &name).await
}
