//! `ServerRolesManager`: lists of words in the registry that the nodes share, for whoever may log in.

use base64ct::{Base64, Encoding as _};

use super::web::{Web, element, fault, soap};
use crate::lab::database::{Answer, Query};
use crate::lab::http::Message;

const TABLE: &str = "REG_RESOURCE";
const FOLDER: &str = "/_system/config/server.roles/";

impl Web {
    /// Reads, adds to or takes from a list, as the SOAP action says.
    pub(super) async fn roles(&self, asked: &Message) -> Message {
        match self.change(asked).await {
            Ok(Some((action, values))) => {
                let values: String = values.iter().map(|value| format!("<ns:return>{value}</ns:return>")).collect();
                let body = format!(
                    "<ns:{action}Response xmlns:ns=\"http://mgt.roles.carbon.wso2.org\">{values}</ns:{action}Response>"
                );
                Message::response("200 OK", "text/xml; charset=UTF-8", &soap(&body))
            }
            Ok(None) => Message::response("401 Unauthorized", "", "").with("WWW-Authenticate", "Basic realm=\"WSO2\""),
            Err(refused) => fault("500 Internal Server Error", &refused),
        }
    }

    async fn change(&self, asked: &Message) -> Result<Option<(String, Vec<String>)>, String> {
        if !self.may(asked).await? {
            return Ok(None);
        }
        let action = asked.header("SOAPAction").unwrap_or_default().trim_matches('"').trim_start_matches("urn:");
        let body = String::from_utf8_lossy(&asked.body).into_owned();
        let (first, second) =
            (element(&body, "args0").unwrap_or_default(), element(&body, "args1").unwrap_or_default());
        let key = |kind: &str, value: &str| format!("{FOLDER}{kind}/{value}");
        let table = || TABLE.to_owned();
        let mut store = self.store.lock().await;
        let values = match action {
            "readServerRoles" => match store.ask(Query::Keys(table())).await? {
                Answer::Names(names) => {
                    let folder = key(first, "");
                    names.iter().filter_map(|name| name.strip_prefix(&folder)).map(str::to_owned).collect()
                }
                _ => Vec::new(),
            },
            "addServerRoles" => {
                store.ask(Query::Put(table(), key(second, first), String::new())).await?;
                vec!["true".to_owned()]
            }
            "removeServerRoles" => {
                let was = store.ask(Query::Delete(table(), key(second, first))).await?;
                vec![(was != Answer::Value(None)).to_string()]
            }
            _ => return Err(format!("The endpoint reference (EPR) for the Operation not found is {action}")),
        };
        Ok(Some((action.to_owned(), values)))
    }

    /// Does the request carry a name and its password?
    async fn may(&self, asked: &Message) -> Result<bool, String> {
        let basic = asked.header("Authorization").and_then(|value| value.strip_prefix("Basic "));
        let text = basic.and_then(|word| Base64::decode_vec(word).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
        let Some((user, password)) = text.as_deref().and_then(|text| text.split_once(':')) else { return Ok(false) };
        let row = Query::Get("UM_USER".to_owned(), user.to_owned());
        Ok(self.store.lock().await.ask(row).await? == Answer::Value(Some(password.to_owned())))
    }
}
