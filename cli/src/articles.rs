//! The files of the knowledge base: Markdown in the folder that the plan names, read with limits, written whole or not at all.
//!
//! Only plain files of this folder are articles. A link to elsewhere is named and not followed.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use plans::Plan;
use plans::article::{Article, MAX_BYTES};
use registers::knowledge::page::{Flaw, file_name, flaws, links};

use crate::failure::{Exit, Failure};
use crate::git;
use crate::settings::Settings;

/// The most files that are looked at. More than this is another folder than was meant.
const MAX_FILES: usize = 10_000;

/// Where the articles lie.
#[derive(Debug)]
pub(crate) struct Shelf {
    folder: PathBuf,
}

/// How a file stands in git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InGit {
    /// As it is in this commit.
    Committed(String),
    /// It was changed since, or was never committed.
    Changed,
    /// There is no repository of git, or git does not answer.
    No(String),
}

impl Shelf {
    /// The folder that the plan names, from the folder of the plan on.
    pub(crate) fn of(plan: &Plan, settings: &Settings) -> Self {
        let of_plan = if settings.plan.is_dir() { Some(settings.plan.as_path()) } else { settings.plan.parent() };
        Self { folder: of_plan.unwrap_or(Path::new(".")).join(&plan.knowledge.folder) }
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of an article.
    pub(crate) fn path(&self, id: &str) -> PathBuf {
        self.folder.join(file_name(id))
    }

    /// The names of the Markdown files, without their ending, in order.
    pub(crate) fn names(&self) -> Result<Vec<String>, Failure> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(cannot("read", &self.folder, &error)),
        };
        let mut names = Vec::new();
        for entry in entries.take(MAX_FILES) {
            let name = entry.map_err(|error| cannot("read", &self.folder, &error))?.file_name();
            let name = name.to_string_lossy();
            if let Some(name) = name.strip_suffix(".md").filter(|name| !name.starts_with('.')) {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Whether the article has a file, whatever it is.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.path(id).symlink_metadata().is_ok()
    }

    /// The article, or everything that keeps it from being read.
    pub(crate) fn read(&self, id: &str) -> Result<Article, Vec<Flaw>> {
        let whole = |what: String| vec![Flaw { line: 0, what }];
        let text = read_text(&self.path(id)).map_err(whole)?;
        let of_fault = |fault: plans::Fault| Flaw {
            line: fault.line,
            what: fault.hint.map_or(fault.what.clone(), |hint| format!("{}; {hint}", fault.what)),
        };
        plans::article::read(&file_name(id), &text).map_err(|faults| faults.into_iter().map(of_fault).collect())
    }

    /// Everything that is wrong with an article that could be read: its fields, and its links.
    pub(crate) fn judge(&self, id: &str, article: &Article) -> Vec<Flaw> {
        let mut found = flaws(id, article);
        let (links, refused) = links(article);
        found.extend(refused);
        for link in links {
            let what = match self.inside(&link.path) {
                Ok(true) => continue,
                Ok(false) => format!("the link to {} leaves the folder of the articles", link.path),
                Err(_) => format!("the link leads to {}, which is not there", link.path),
            };
            found.push(Flaw { line: link.line, what });
        }
        found.sort_by_key(|flaw| flaw.line);
        found
    }

    /// Whether a path below the folder ends in the folder, links on the way followed.
    fn inside(&self, path: &str) -> std::io::Result<bool> {
        Ok(self.folder.join(path).canonicalize()?.starts_with(self.folder.canonicalize()?))
    }

    /// How the file of an article stands in git.
    pub(crate) fn in_git(&self, id: &str) -> InGit {
        let file = file_name(id);
        let ask = |args: &[&str]| git::ask(&self.folder, args).map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        let told = ask(&["status", "--porcelain", "--ignored", "--", &file])
            .and_then(|changed| if changed.is_empty() { ask(&["log", "-1", "--format=%H", "--", &file]) } else { Ok(String::new()) });
        match told {
            Ok(commit) if commit.is_empty() => InGit::Changed,
            Ok(commit) => InGit::Committed(commit),
            Err(error) if error.started => InGit::No(error.said),
            Err(error) => InGit::No(format!("git cannot be started: {}", error.said)),
        }
    }

    /// Writes the file of an article: a new one is not put in the place of another, a known one is replaced as a whole.
    pub(crate) fn write(&self, id: &str, text: &str, new: bool) -> Result<(), Failure> {
        let path = self.path(id);
        let failed = |error: &std::io::Error| cannot("write", &path, error);
        std::fs::create_dir_all(&self.folder).map_err(|error| failed(&error))?;
        let mut file = tempfile::Builder::new()
            .prefix(".article-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(&self.folder)
            .map_err(|error| failed(&error))?;
        file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(|error| failed(&error))?;
        let put = if new { file.persist_noclobber(&path) } else { file.persist(&path) };
        put.map(drop).map_err(|error| failed(&error.error))
    }
}

/// The text of a plain file of a bearable size.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    let meta = path.symlink_metadata().map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("it is no plain file; links are not followed".to_owned());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|error| format!("it is not UTF-8 text from byte {} on", error.utf8_error().valid_up_to()))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure { causes: vec![error.to_string()], ..Failure::new("LB0006", Exit::Failed, format!("cannot {what} {}", path.display())) }
}

/// A failure that names everything that is wrong with an article.
pub(crate) fn refused(path: &Path, flaws: &[Flaw]) -> Failure {
    let n = crate::output::counted(flaws.len() as u64, "fault");
    let failure = Failure::new("LB0315", Exit::Failed, format!("{} has {n}", path.display()));
    Failure { causes: flaws.iter().map(told).collect(), ..failure }.fix("correct them; nothing was written")
}

/// "line 3: what".
pub(crate) fn told(flaw: &Flaw) -> String {
    if flaw.line == 0 { flaw.what.clone() } else { format!("line {}: {}", flaw.line, flaw.what) }
}

/// Everything that can be read, by name.
pub(crate) fn readable(shelf: &Shelf) -> Result<BTreeMap<String, Article>, Failure> {
    let names = shelf.names()?;
    Ok(names.into_iter().filter_map(|name| shelf.read(&name).ok().map(|article| (name, article))).collect())
}
