//! Asks a filled database for the facts that its dump was made with, and compares the answers to the letter.

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tools::facts::{Fact, Question};

use super::server::{Server, Target, names};
use super::{Found, IntoError};

/// A fact of the dump, and what the target says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The database.
    pub database: String,
    /// The fact.
    pub name: String,
    /// The answer when it was dumped.
    pub expected: String,
    /// The answer now.
    pub observed: String,
    /// Whether they are the same.
    pub same: bool,
}

/// Compares every fact that is exact.
pub(super) async fn facts(found: &Found, target: &Target, cancel: &CancellationToken) -> Result<Vec<Compared>, IntoError> {
    let mut all = Vec::new();
    let own = match &target.server {
        Server::Postgres(postgres) => vec![postgres.connection.database()],
        Server::Mysql(mysql) => names(found, mysql)?,
    };
    for (database, name) in found.databases.iter().zip(own) {
        let exact: Vec<&Fact> = database.facts.iter().filter(|fact| fact.exact).collect();
        if exact.is_empty() {
            continue;
        }
        let questions: Vec<Question> = exact.iter().map(|fact| Question { name: fact.name.clone(), query: fact.query.clone() }).collect();
        let answers = match &target.server {
            Server::Postgres(postgres) => {
                let mut session = postgres.session(Some(&name), cancel).await?;
                let facts = session.facts(&questions).await?;
                session.end().await?;
                facts.into_iter().map(|fact| fact.answer).collect()
            }
            Server::Mysql(mysql) => mysql.answers(&name, &questions, cancel).await?,
        };
        all.extend(exact.iter().zip(answers).map(|(fact, observed)| Compared {
            database: name.clone(),
            name: fact.name.clone(),
            expected: fact.answer.clone(),
            same: fact.answer == observed,
            observed,
        }));
    }
    Ok(all)
}
