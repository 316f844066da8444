//! Why a database can't be entered, from what its driver says.

use super::Schema;
use crate::resources::AssessError;

/// What a driver says when it can't connect.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The five characters of the SQL standard; empty where the driver gives none.
    pub(super) state: String,
    /// The database's own number.
    pub(super) number: i64,
    /// Its words.
    pub(super) said: String,
}

/// The kinds that are told apart, since each has another next move.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Login,
    Missing,
    Rights,
    Unreachable,
    Other,
}

impl Refusal {
    fn kind(&self) -> Kind {
        let says = |words: &str| self.said.contains(words);
        match (self.state.as_str(), self.number) {
            // MySQL and MariaDB; PostgreSQL; SQL Server; Oracle.
            (_, 1049 | 4060) | ("3D000", _) => Kind::Missing,
            _ if says("ORA-12514") || says("ORA-12505") => Kind::Missing,
            // Db2: the database is unknown to the server.
            _ if says("SQLCODE=-1001") || says("ERRORCODE=-4499") && says("08004") => Kind::Missing,
            (_, 1044) | ("42501", _) => Kind::Rights,
            (_, 1045 | 18456 | 1017 | -4214) => Kind::Login,
            (state, _) if state.starts_with("28") => Kind::Login,
            (state, _) if state.starts_with("08") => Kind::Unreachable,
            _ if says("Connection refused") || says("UnknownHostException") || says("Network Adapter") => {
                Kind::Unreachable
            }
            _ => Kind::Other,
        }
    }

    pub(super) fn explain(&self, schema: &Schema) -> AssessError {
        let Schema { name, user, .. } = schema;
        let said = &self.said;
        let make = schema.make_database();
        let error = |code, cause: String, hint: String| AssessError::new(code, cause).hint(hint);
        match self.kind() {
            Kind::Login => error(
                "schema-login-refused",
                format!("the database of {name} does not let {user} in: {said}"),
                format!("correct `username` or `password` of {name}, or make the user on the server"),
            ),
            Kind::Missing => error(
                "schema-database-missing",
                format!("the database of {name} is not there: {said}"),
                format!("have it made on the server, and give {user} all rights on it: `{make}`"),
            ),
            Kind::Rights => error(
                "schema-no-rights",
                format!("{user} may not enter the database of {name}: {said}"),
                format!("give {user} all rights on it, or make it on the server if it is not there: `{make}`"),
            ),
            Kind::Unreachable => error(
                "schema-server-unreachable",
                format!("the database server of {name} can't be reached from this host: {said}"),
                "does the server run, may this host reach it, and are its name and port right?".to_owned(),
            ),
            Kind::Other => error(
                "schema-cannot-connect",
                format!("the driver can't connect to the database of {name}: {said}"),
                format!("the words are the driver's own: see what they mean for the URL and options of {name}"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_s_own_words_are_one_of_five_kinds() {
        for (state, number, said, kind) in [
            ("28000", 1045, "Access denied for user 'wso2'@'localhost' (using password: YES)", Kind::Login),
            ("28P01", 0, "FATAL: password authentication failed for user \"wso2\"", Kind::Login),
            ("28000", 0, "FATAL: role \"wso2\" does not exist", Kind::Login),
            ("S0001", 18456, "Login failed for user 'wso2'.", Kind::Login),
            ("72000", 1017, "ORA-01017: invalid username/password; logon denied", Kind::Login),
            ("28000", -4214, "Connection authorization failure occurred.", Kind::Login),
            ("42000", 1049, "Unknown database 'SHARED_DB'", Kind::Missing),
            ("3D000", 0, "FATAL: database \"shared_db\" does not exist", Kind::Missing),
            ("S0001", 4060, "Cannot open database \"X\" requested by the login.", Kind::Missing),
            ("66000", 12514, "ORA-12514: Cannot connect to database. Service X is not registered", Kind::Missing),
            ("42000", 1044, "Access denied for user 'wso2'@'%' to database 'X'", Kind::Rights),
            ("42501", 0, "permission denied for database \"X\"", Kind::Rights),
            ("08S01", 0, "Communications link failure: Connection refused", Kind::Unreachable),
            ("08001", 0, "Connection to db:5432 refused.", Kind::Unreachable),
            ("", 17002, "IO Error: The Network Adapter could not establish the connection", Kind::Unreachable),
            ("", 0, "something that nobody has seen yet", Kind::Other),
        ] {
            let refusal = Refusal { state: state.into(), number, said: said.into() };
            assert_eq!(refusal.kind(), kind, "{said}");
        }
    }
}
