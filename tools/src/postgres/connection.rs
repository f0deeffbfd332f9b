//! Where a server of `PostgreSQL` is and who asks: the variables of libpq's environment that a connection string stands for.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use crate::database::{DatabaseError, parts};

/// Parameters of a connection string, and the variables of libpq that mean the same.
const PARAMETERS: [(&str, &str); 16] = [
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("passfile", "PGPASSFILE"),
    ("sslmode", "PGSSLMODE"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcrl", "PGSSLCRL"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("options", "PGOPTIONS"),
];
/// Seconds after which a server that does not answer is given up, unless the connection string says otherwise.
const TIMEOUT: &str = "15";

/// A place and a person. The password is never shown.
#[derive(Clone)]
pub struct Connection {
    variables: Vec<(&'static str, SecretString)>,
}

impl Connection {
    /// Reads `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETER=VALUE`.
    pub fn parse(text: &str) -> Result<Self, DatabaseError> {
        let parts = parts(text, &["postgresql", "postgres"])?;
        let mut connection = Self { variables: Vec::new() };
        let named = [
            ("user", parts.user),
            ("password", parts.password),
            ("host", parts.host),
            ("port", parts.port.map(|port| port.to_string())),
            ("dbname", parts.database),
        ];
        for (name, value) in named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).chain(parts.rest) {
            let known = PARAMETERS.iter().find(|(parameter, _)| *parameter == name);
            let (_, variable) = known.ok_or_else(|| DatabaseError::Dsn { why: format!("the parameter {name} is not known") })?;
            connection.set(variable, &value);
        }
        for (variable, value) in [("PGDATABASE", connection.get("PGUSER").unwrap_or_default()), ("PGCONNECT_TIMEOUT", TIMEOUT.to_owned())] {
            if connection.get(variable).is_none() && !value.is_empty() {
                connection.set(variable, &value);
            }
        }
        match connection.get("PGDATABASE") {
            Some(_) => Ok(connection),
            None => Err(DatabaseError::Dsn { why: "it names no database".to_owned() }),
        }
    }

    fn set(&mut self, variable: &'static str, value: &str) {
        self.variables.retain(|(name, _)| *name != variable);
        self.variables.push((variable, SecretString::from(value)));
    }

    fn get(&self, variable: &str) -> Option<String> {
        self.variables.iter().find(|(name, _)| *name == variable).map(|(_, value)| value.expose_secret().to_owned())
    }

    /// The database that it names.
    pub fn database(&self) -> String {
        self.get("PGDATABASE").unwrap_or_default()
    }

    /// The same server and person, another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        let mut other = self.clone();
        other.set("PGDATABASE", database);
        other
    }

    /// The variables of a child, with another database where one is given.
    pub(super) fn env(&self, database: Option<&str>) -> Vec<(String, SecretString)> {
        let mut variables = self.clone();
        variables.set("PGAPPNAME", "lifeboat");
        variables.set("PGCLIENTENCODING", "UTF8");
        if let Some(database) = database {
            variables.set("PGDATABASE", database);
        }
        variables.variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl fmt::Display for Connection {
    /// "shop on db.example:5433 as joy"
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.get("PGHOST").or_else(|| self.get("PGHOSTADDR")).unwrap_or_else(|| "the local socket".to_owned());
        write!(f, "{} on {host}", self.database())?;
        self.get("PGPORT").map_or(Ok(()), |port| write!(f, ":{port}"))?;
        self.get("PGUSER").map_or(Ok(()), |user| write!(f, " as {user}"))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_becomes_variables_and_shows_no_password() {
        let connection = Connection::parse("postgresql://joy:s3cret@db.example:5433/shop?sslmode=verify-full").unwrap();
        assert_eq!(connection.get("PGPASSWORD").as_deref(), Some("s3cret"));
        assert_eq!(connection.get("PGSSLMODE").as_deref(), Some("verify-full"));
        assert_eq!(format!("{connection:?}"), "Connection(shop on db.example:5433 as joy)");
        let socket = Connection::parse("postgresql:///shop?host=/run/postgresql").unwrap();
        assert_eq!(socket.to_string(), "shop on /run/postgresql");
        assert!(Connection::parse("postgresql://db.example").is_err());
        assert!(Connection::parse("postgresql:///shop?sslmod=require").is_err());
    }
}
