//! Decides whether a backup looks as if something had gone through the files of its source: most of them replaced or gone at once, or
//! their content turned into noise, as ransomware does.
//!
//! `orchestrator` asks it after each run with what the journal knows of the source's own history; what is usual for one source is not
//! for another. It sees counts alone. A suspicion is no proof: a person looks, and says when all is well.

use std::fmt;

/// What one run stored, as its report has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Run {
    /// Files in the restore point.
    pub files: u64,
    /// Files that the restore point before it had in another state.
    pub files_changed: u64,
    /// Files that were the same in it.
    pub files_unchanged: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes that no restore point had before.
    pub bytes_new: u64,
    /// What these took after compression.
    pub bytes_stored: u64,
}

/// Runs that are looked back on.
pub const LOOK_BACK: usize = 30;

/// With fewer files than this, half of them are not many.
const FEW_FILES: u64 = 10;

/// Less new data than this says nothing of how well it compresses.
const LITTLE_DATA: u64 = 1 << 20;

/// A share, in percent, of the files of the run before.
const MOST: u64 = 50;

/// Why a run is suspicious.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Most files are other files now, and there is the data to prove it.
    Replaced {
        /// Files of the run before that changed or are not there under their names any more.
        files: u64,
        /// Files of the run before.
        of: u64,
        /// The largest share that earlier runs had, in percent.
        usual: u64,
    },
    /// Most files are gone.
    Gone {
        /// How many fewer there are.
        files: u64,
        /// Files of the run before.
        of: u64,
    },
    /// The new data cannot be compressed, as encrypted data, though this source's usually can.
    Noise {
        /// What the new data took, in percent of its size.
        now: u64,
        /// What new data took before, in percent.
        usual: u64,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replaced { files, of, usual } => {
                write!(f, "{files} of {of} files were replaced at once; until now it was never more than {usual} %")
            }
            Self::Gone { files, of } => write!(f, "{files} of {of} files are gone at once"),
            Self::Noise { now, usual } => {
                write!(f, "the new data compresses to {now} % of its size, as encrypted data does; until now it was {usual} %")
            }
        }
    }
}

/// Why `now` is suspicious after `history`, the complete runs of the same source before it that were not, oldest first, of which `last`
/// is the one that `now` was compared with. Nothing when it is not. A first run never is.
pub fn judge(history: &[Run], last: Option<&Run>, now: &Run) -> Vec<Reason> {
    let Some(last) = last else { return Vec::new() };
    let mut reasons = Vec::new();
    let touched = touched(last, now);
    let usual = usual_share(history);
    let gone = last.files.saturating_sub(now.files);
    if last.files >= FEW_FILES {
        // New data must come along: a change of owner touches every file and brings none, and so does a folder that was renamed.
        let has_data = now.bytes_new >= last.bytes / 10 && now.bytes_new > 0;
        if percent(touched, last.files) >= MOST && percent(touched, last.files) > usual.saturating_mul(2) && has_data {
            reasons.push(Reason::Replaced { files: touched, of: last.files, usual });
        }
        if percent(gone, last.files) >= MOST {
            reasons.push(Reason::Gone { files: gone, of: last.files });
        }
    }
    // Many new pictures are no reason: files that were there must have changed.
    if now.bytes_new >= LITTLE_DATA && percent(touched, last.files) >= 10 {
        let (before, now) = (usual_size(history), percent(now.bytes_stored, now.bytes_new));
        if let Some(usual) = before.filter(|usual| *usual <= 75 && now >= 95) {
            reasons.push(Reason::Noise { now, usual });
        }
    }
    reasons
}

/// Files of `last` that are not the same in `now`. The names that are new are at least as many as those that went, where the count stays.
fn touched(last: &Run, now: &Run) -> u64 {
    last.files.saturating_sub(now.files_unchanged.min(last.files))
}

/// The largest share of files that was touched from one run of the history to the next.
fn usual_share(history: &[Run]) -> u64 {
    history.windows(2).filter_map(|pair| Some(percent(touched(pair.first()?, pair.get(1)?), pair.first()?.files))).max().unwrap_or(0)
}

/// What new data took in the history, in percent; nothing where there was too little to tell.
fn usual_size(history: &[Run]) -> Option<u64> {
    let sum = |of: fn(&Run) -> u64| history.iter().fold(0_u64, |sum, run| sum.saturating_add(of(run)));
    let new = sum(|run| run.bytes_new);
    (new >= LITTLE_DATA).then(|| percent(sum(|run| run.bytes_stored), new))
}

fn percent(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 100 / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A quiet source of 872 text files.
    fn quiet(n: u64) -> Vec<Run> {
        let first = Run { files: 872, bytes: 40 << 20, bytes_new: 40 << 20, bytes_stored: 9 << 20, ..Run::default() };
        let next = Run { files: 872, files_changed: 9, files_unchanged: 863, bytes: 40 << 20, bytes_new: 400_000, bytes_stored: 90_000 };
        std::iter::once(first).chain(std::iter::repeat_n(next, usize::try_from(n).unwrap())).collect()
    }

    fn reasons(history: &[Run], now: Run) -> Vec<String> {
        judge(history, history.last(), &now).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn most_files_replaced_by_noise_is_noticed_also_after_a_single_run() {
        let locked = Run { files: 874, files_changed: 0, files_unchanged: 2, bytes: 40 << 20, bytes_new: 39 << 20, bytes_stored: 39 << 20 };
        for runs in [0, 1, 40] {
            let found = reasons(&quiet(runs), locked);
            assert!(found[0].starts_with("870 of 872 files were replaced at once"), "{found:?}");
            assert!(found[1].contains("compresses to 100 % of its size"), "{found:?}");
        }
    }

    #[test]
    fn what_usually_happens_is_not_suspicious() {
        let history = quiet(20);
        let next = *history.last().unwrap();
        let first = history[0];
        let all_unchanged = Run { files_changed: 0, files_unchanged: 872, bytes_new: 0, bytes_stored: 0, ..next };
        let owners = Run { files_changed: 872, files_unchanged: 0, bytes_new: 0, bytes_stored: 0, ..next };
        let pictures =
            Run { files: 1500, files_changed: 3, files_unchanged: 869, bytes_new: 1 << 30, bytes_stored: 1 << 30, bytes: 1 << 31 };
        let renamed = Run { files_changed: 0, files_unchanged: 100, bytes_new: 1000, bytes_stored: 900, ..next };
        for run in [next, all_unchanged, owners, pictures, renamed] {
            assert_eq!(reasons(&history, run), Vec::<String>::new(), "{run:?}");
        }
        assert!(judge(&[], None, &first).is_empty(), "a first run has nothing to be compared with");
    }

    #[test]
    fn a_source_that_is_written_anew_each_day_is_judged_by_what_its_data_is() {
        let dump = Run { files: 40, files_changed: 40, files_unchanged: 0, bytes: 1 << 30, bytes_new: 1 << 29, bytes_stored: 1 << 27 };
        let history = [dump; 10];
        assert!(reasons(&history, dump).is_empty());
        let locked = Run { bytes_new: 1 << 30, bytes_stored: 1 << 30, ..dump };
        assert_eq!(reasons(&history, locked).len(), 1);
    }

    #[test]
    fn files_that_are_gone_are_noticed_and_few_files_are_not_many() {
        let history = quiet(3);
        let gone = Run { files: 100, files_unchanged: 100, bytes: 5 << 20, ..Run::default() };
        assert_eq!(reasons(&history, gone), ["772 of 872 files are gone at once"]);
        let one = Run { files: 1, bytes: 5000, bytes_new: 5000, bytes_stored: 900, ..Run::default() };
        assert!(reasons(&[one], Run::default()).is_empty());
    }

    prop_compose! {
        fn any_run()(files in 0_u64..2000, changed in 0_u64..2000, unchanged in 0_u64..2000,
                     bytes in 0_u64..1 << 40, new in 0_u64..1 << 40, stored in 0_u64..1 << 40) -> Run {
            Run { files, files_changed: changed, files_unchanged: unchanged, bytes, bytes_new: new, bytes_stored: stored }
        }
    }

    proptest! {
        #[test]
        fn no_counts_whatever_make_it_fail_and_an_unchanged_source_is_never_suspicious(
            history in prop::collection::vec(any_run(), 0..8), now in any_run(), last in any_run(),
        ) {
            let found = judge(&history, Some(&last), &now);
            prop_assert!(found.len() <= 3);
            let same = Run { files: last.files, files_changed: 0, files_unchanged: last.files, bytes_new: 0, bytes_stored: 0, ..last };
            prop_assert!(judge(&history, Some(&last), &same).is_empty());
        }

        #[test]
        fn all_files_replaced_by_new_data_is_suspicious_unless_it_is_usual(
            files in 10_u64..10_000, bytes in 1_u64 << 10..1 << 40, calm in 0_u64..20, runs in 1_usize..20,
        ) {
            let usual = Run { files, files_changed: files * calm / 100, files_unchanged: files - files * calm / 100, bytes, bytes_new: bytes / 100,
                bytes_stored: bytes / 200 };
            let now = Run { files, files_changed: files, files_unchanged: 0, bytes, bytes_new: bytes, bytes_stored: bytes };
            let history = vec![usual; runs];
            prop_assert!(!judge(&history, history.last(), &now).is_empty());
            let restless = vec![now; runs + 1];
            let found = judge(&restless, restless.last(), &now);
            prop_assert!(found.is_empty(), "{:?}", found);
        }
    }
}
