//! Servers of databases for one test each: started in a folder of their own, reached by a socket there, ended with the test.
//!
//! Neither `PostgreSQL` runs as root, nor does anybody need to be root: where the tests are, the server runs as nobody.

use std::ffi::OsString;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::place::Place;
use crate::streams::wait_for;

/// The user and group that the servers run as where the tests run as root.
const NOBODY: u32 = 65534;
/// The password of the database user joy.
pub(crate) const PASSWORD: &str = "cl0uds";

/// A running server.
pub(crate) struct Server {
    kind: Kind,
    folder: TempDir,
    process: Child,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    Maria,
}

/// The newest of the folders of `PostgreSQL`'s programs, or a folder of every host.
pub(crate) fn folder_of(program: &str) -> PathBuf {
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|e| e.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders.extend(["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"].map(PathBuf::from));
    let found = folders.into_iter().find(|folder| folder.join(program).is_file());
    found.unwrap_or_else(|| panic!("{program} is not installed: scripts/need tests"))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A program of a server, as whoever may run it.
fn as_server(program: &str) -> Command {
    let path = folder_of(program).join(program);
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".to_owned()]).arg(path);
        command
    } else {
        Command::new(path)
    };
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C").current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[track_caller]
fn done(mut command: Command) {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

impl Server {
    /// A server with the database "shop", which belongs to joy.
    pub(crate) fn start(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let data = folder.path().join("data");
        let process = match kind {
            Kind::Postgres => postgres(folder.path(), &data),
            Kind::Maria => maria(folder.path(), &data),
        };
        let server = Self { kind, folder, process };
        match kind {
            Kind::Postgres => {
                wait_for("PostgreSQL", || server.try_sql("postgres", "select 1").ok());
                server.sql("postgres", "create database shop");
            }
            Kind::Maria => {
                wait_for("MariaDB", || server.try_sql("mysql", "select 1").ok());
                let grant = format!(
                    "create user joy@localhost identified by '{PASSWORD}'; grant all on *.* to joy@localhost; create database shop"
                );
                server.sql("mysql", &grant);
            }
        }
        server
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The connection string of a database of it.
    pub(crate) fn dsn(&self, database: &str, password: &str) -> String {
        match self.kind {
            Kind::Postgres => format!("postgresql:///{database}?host={}&user=joy&password={password}", self.folder.path().display()),
            Kind::Maria => format!("mysql://joy:{password}@localhost/{database}?socket={}", self.socket().display()),
        }
    }

    /// A file of the place with the connection string of a database.
    pub(crate) fn dsn_file(&self, place: &Place, database: &str) -> PathBuf {
        secret(place, &format!("{database}.dsn"), &self.dsn(database, PASSWORD))
    }

    /// What the server says to a statement, by its own client.
    fn try_sql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut command = match self.kind {
            Kind::Postgres => {
                let mut command = as_server("psql");
                command
                    .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--host"])
                    .arg(self.folder.path());
                command.args(["--username=joy", "--dbname", database, "--command", sql]).env("PGPASSWORD", PASSWORD);
                command
            }
            Kind::Maria => {
                let mut command = Command::new(folder_of("mariadb").join("mariadb"));
                command.args(["--no-defaults", "--batch", "--skip-column-names", "--user=root", "--database", database, "--execute", sql]);
                command.arg(option("--socket=", &self.socket()));
                command
            }
        };
        let output = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(said.trim().to_owned()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }

    /// The same, where it must be carried out.
    #[track_caller]
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        self.try_sql(database, sql).unwrap_or_else(|said| panic!("{sql}: {said}"))
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn crash(&mut self) {
        let signal = if self.kind == Kind::Postgres { Signal::QUIT } else { Signal::KILL };
        kill_process(Pid::from_child(&self.process), signal).unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.crash();
        }
    }
}

fn option(name: &str, path: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(path);
    option
}

fn postgres(folder: &Path, data: &Path) -> Child {
    let password = folder.join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    let mut init = as_server("initdb");
    init.args(["--auth=scram-sha-256", "--username=joy", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"]).arg(data);
    init.arg(option("--pwfile=", &password));
    done(init);
    let mut start = as_server("postgres");
    start.args(["-F", "-c", "listen_addresses=", "-k"]).arg(folder).arg("-D").arg(data);
    start.spawn().unwrap()
}

fn maria(folder: &Path, data: &Path) -> Child {
    let user: &[&str] = if is_root() { &["--user=root"] } else { &[] };
    let mut init = Command::new(folder_of("mariadb-install-db").join("mariadb-install-db"));
    init.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]).args(user).arg(option("--datadir=", data));
    done(init);
    let mut start = Command::new(folder_of("mariadbd").join("mariadbd"));
    start.args(["--no-defaults", "--skip-networking", "--innodb-buffer-pool-size=16M"]).args(user);
    start.arg(option("--datadir=", data)).arg(option("--socket=", &folder.join("socket"))).arg(option("--pid-file=", &folder.join("pid")));
    start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A file that only its user can read.
pub(crate) fn secret(place: &Place, name: &str, text: &str) -> PathBuf {
    let path = place.path().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}
