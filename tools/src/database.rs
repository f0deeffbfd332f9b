//! What all databases share: connection strings that become the environment of a child, and what goes wrong before and while one is asked.

use std::path::PathBuf;

use base::Hint;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::program::ProgramError;

/// Why a database could not be dumped, filled or asked.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// What stands behind the reference is no connection string. It is not shown, as it may hold a password.
    #[error("the connection string is not understood: {why}")]
    Dsn {
        /// What is wrong with it.
        why: String,
    },
    /// A program that comes with the database is not on this host.
    #[error("{tool} is not installed")]
    NoTool {
        /// Its name.
        tool: &'static str,
        /// Where it was looked for.
        looked: Vec<PathBuf>,
        /// The Debian package that brings it.
        package: &'static str,
    },
    /// A dump tool cannot dump a server that is newer than itself.
    #[error("{tool} is of version {tool_version}, older than the server, which is of version {server}")]
    TooOld {
        /// The path of the program.
        tool: String,
        /// Its version.
        tool_version: u32,
        /// The server's.
        server: String,
    },
    /// The server did not let us in.
    #[error("the database {database} cannot be reached: {said}")]
    Unreachable {
        /// Its name and place, without the password.
        database: String,
        /// What the program said.
        said: String,
    },
    /// A program said something else than was asked.
    #[error("{program} gave no answer that could be understood")]
    Answer {
        /// Its path.
        program: String,
    },
    /// A fact that would be taken for a command of the client.
    #[error("the fact {name} is no query: {why}")]
    Fact {
        /// Its name in the plan.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The copy of a database is not whole.
    #[error("the database {path} is damaged: {found}")]
    Damaged {
        /// The file.
        path: String,
        /// What `PRAGMA integrity_check` said.
        found: String,
    },
    /// The file of a database is not there, or cannot be read.
    #[error("the database file {path} cannot be read")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program did not end well.
    #[error(transparent)]
    Program(#[from] ProgramError),
}

impl Hint for DatabaseError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Dsn { .. } => Some(
                "write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or mysql://USER:PASSWORD@HOST:PORT/DATABASE; a socket is ?host=/folder, \
                 or ?socket=/path; see docs/databases.md"
                    .to_owned(),
            ),
            Self::NoTool { looked, package, .. } => {
                let places = looked.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ");
                Some(format!("apt-get install {package}; it was looked for in {places}; tools: FOLDER in the plan names another"))
            }
            Self::TooOld { .. } => {
                Some("install the tools of the server's version, and name their folder in the plan: tools: FOLDER".to_owned())
            }
            Self::Unreachable { .. } => {
                Some("see that the server runs, and that user, password and database behind the plan's reference are right".to_owned())
            }
            Self::Answer { .. } => Some("see what it says by hand; it may not be the program that its name says".to_owned()),
            Self::Fact { .. } => Some("write one query, like select count(*) from orders".to_owned()),
            Self::Damaged { .. } => Some("repair it with its own tools (sqlite3 FILE .recover); the restore points before this one hold it whole".to_owned()),
            Self::File { .. } => Some("correct the path in the plan, or run as a user who may read it".to_owned()),
            Self::Program(error) => error.hint(),
        }
    }
}

/// The parts of a connection string that is a URL.
pub(crate) struct Parts {
    pub user: Option<String>,
    pub password: Option<String>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub database: Option<String>,
    /// After the question mark.
    pub rest: Vec<(String, String)>,
}

/// Takes a URL of one of these schemes apart.
pub(crate) fn parts(text: &str, schemes: &[&str]) -> Result<Parts, DatabaseError> {
    let fault = |why: &str| DatabaseError::Dsn { why: why.to_owned() };
    // "USER@/database" has no host, for a server that listens on a socket of its own: libpq takes it, the rules of URLs do not.
    let socket = socket_with_user(text.trim());
    let url = Url::parse(socket.as_deref().unwrap_or(text.trim())).map_err(|error| fault(&error.to_string()))?;
    if !schemes.contains(&url.scheme()) {
        return Err(fault(&format!("it does not begin with {}://", schemes.first().unwrap_or(&""))));
    }
    let decode = |part: &str| {
        let decoded = percent_decode_str(part).decode_utf8().map_err(|_| fault("it is not UTF-8"))?;
        if decoded.contains(['\0', '\n']) { Err(fault("it holds a line feed or a zero byte")) } else { Ok(decoded.into_owned()) }
    };
    let some = |part: Option<&str>| part.filter(|part| !part.is_empty()).map(decode).transpose();
    Ok(Parts {
        user: some(Some(url.username()))?,
        password: some(url.password())?,
        host: some(url.host_str().filter(|_| socket.is_none()).map(|host| host.trim_matches(['[', ']'])))?,
        port: url.port(),
        database: some(Some(url.path().trim_start_matches('/')))?,
        rest: url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect(),
    })
}

/// A URL with a user and no host, with a host that stands for none.
fn socket_with_user(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let user = authority.strip_suffix('@').filter(|user| !user.is_empty())?;
    Some(format!("{scheme}://{user}@localhost{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_a_host_is_taken_as_libpq_takes_it() {
        for (text, user, password) in
            [("postgresql://joy@/shop", "joy", None), ("postgresql://joy:p%40ss@/shop?host=/run/postgresql", "joy", Some("p@ss"))]
        {
            let parts = parts(text, &["postgresql"]).unwrap();
            assert_eq!((parts.user.as_deref(), parts.password.as_deref()), (Some(user), password), "{text}");
            assert_eq!((parts.host.as_deref(), parts.port, parts.database.as_deref()), (None, None, Some("shop")), "{text}");
        }
        assert_eq!(parts("postgresql://joy@localhost/shop", &["postgresql"]).unwrap().host.as_deref(), Some("localhost"));
    }

    #[test]
    fn a_url_is_taken_apart_and_decoded() {
        let parts = parts("postgresql://joy:p%40ss@[::1]:5433/shop?sslmode=require", &["postgresql"]).unwrap();
        assert_eq!((parts.user.as_deref(), parts.password.as_deref()), (Some("joy"), Some("p@ss")));
        assert_eq!((parts.host.as_deref(), parts.port, parts.database.as_deref()), (Some("::1"), Some(5433), Some("shop")));
        assert_eq!(parts.rest, [("sslmode".to_owned(), "require".to_owned())]);
    }

    #[test]
    fn what_is_no_connection_string_is_refused_and_never_shown() {
        for text in ["host=x password=s3cret", "http://joy:s3cret@host/", "", "postgresql://joy:s3cret@ho st/"] {
            let Err(error) = parts(text, &["postgresql", "postgres"]) else { panic!("{text}") };
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
