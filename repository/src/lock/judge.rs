//! Decides what the lock of one object is worth, and whether it has to be extended. Pure.

use std::time::Duration;

use jiff::Timestamp;
use stores::retention::Retention;

use super::Promise;

/// The part of the period by which a new object's lock may fall short: its instant is taken before the upload, which takes its time.
const SLACK: u32 = 20;
/// The part of the period that is left of every lock while somebody renews: locks are due when half is left, and looked at far more often.
const LEAST: u32 = 4;

/// What was decided of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// What is wrong with its lock.
    pub weak: Option<String>,
    /// The lock that it should get now.
    pub renew: Option<Retention>,
}

/// Judges the lock `found` of an object that was stored at `stored`; all instants are the store's.
pub fn judge(now: Timestamp, stored: Option<Timestamp>, found: Option<Retention>, promise: &Promise) -> Judged {
    let needed = promised_until(now, stored, promise);
    let weak = match found {
        None => Some(format!("it has no lock; it should be locked until {needed} at least")),
        Some(lock) if lock.until <= now => Some(format!("its lock ended at {}; it should be locked until {needed} at least", lock.until)),
        Some(lock) if lock.until < needed => Some(format!("its lock ends at {}; it should be locked until {needed} at least", lock.until)),
        Some(lock) if lock.until < after(now, promise.period / LEAST) => {
            Some(format!("its lock ends at {}, and nobody has renewed it: less than a quarter of its time is left", lock.until))
        }
        Some(lock) if lock.mode < promise.mode => Some(format!("its lock is of mode {}; {} was promised", lock.mode, promise.mode)),
        Some(_) => None,
    };
    let is_due = found.is_none_or(|lock| lock.until < after(now, promise.period / 2));
    let wanted = Retention::beginning(promise.mode, now, promise.period);
    Judged { renew: if is_due || weak.is_some() { wanted.over(found) } else { None }, weak }
}

/// The end that a lock has at least when everybody did what was promised: the period from when the object was stored, and half of it from
/// the last renewal that saw it.
fn promised_until(now: Timestamp, stored: Option<Timestamp>, promise: &Promise) -> Timestamp {
    let slack = promise.period / SLACK;
    let new = stored.map(|stored| after(stored, promise.period.saturating_sub(slack)));
    let saw = |renewed: &Timestamp| stored.is_some_and(|stored| stored <= *renewed);
    let renewed = promise.renewed.filter(saw).map(|renewed| after(renewed, (promise.period / 2).saturating_sub(slack)));
    [new, renewed].into_iter().flatten().fold(now, Timestamp::max)
}

fn after(from: Timestamp, by: Duration) -> Timestamp {
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stores::retention::Mode;

    const DAY: Duration = Duration::from_hours(24);

    fn day(n: i64) -> Timestamp {
        Timestamp::from_second(n * 86_400).unwrap()
    }

    fn lock(mode: Mode, until: i64) -> Retention {
        Retention { mode, until: day(until) }
    }

    /// Whether a lock is weak, and the day to which it is extended.
    fn judged(now: i64, stored: i64, found: Option<Retention>, renewed: Option<i64>) -> (bool, Option<i64>) {
        let promise = Promise { mode: Mode::Compliance, period: DAY * 40, renewed: renewed.map(day) };
        let judged = judge(day(now), Some(day(stored)), found, &promise);
        (judged.weak.is_some(), judged.renew.map(|lock| lock.until.as_second() / 86_400))
    }

    #[test]
    fn a_lock_is_renewed_when_half_of_the_period_has_gone_and_not_before() {
        let strong = |until| Some(lock(Mode::Compliance, until));
        for (now, until, renewed, expected) in [
            (0, 40, None, (false, None)),
            (20, 40, None, (false, None)),
            (21, 40, None, (false, Some(61))),
            (22, 61, Some(21), (false, None)),
            (40, 61, Some(21), (false, None)),
            (42, 61, Some(21), (false, Some(82))),
        ] {
            assert_eq!(judged(now, 0, strong(until), renewed), expected, "day {now}");
        }
        assert_eq!(judged(5, 0, strong(400), None), (false, None), "a longer lock stays as it is");
    }

    #[test]
    fn a_lock_that_nobody_renewed_in_time_is_named_before_it_ends() {
        let strong = |until| Some(lock(Mode::Compliance, until));
        assert_eq!(judged(30, 0, strong(40), None), (false, Some(70)), "a quarter is left");
        assert_eq!(judged(31, 0, strong(40), None), (true, Some(71)));
    }

    #[test]
    fn a_lock_that_is_missing_shorter_than_promised_or_weaker_is_noticed_and_mended() {
        let strong = |until| Some(lock(Mode::Compliance, until));
        assert_eq!(judged(1, 0, None, None), (true, Some(41)));
        assert_eq!(judged(1, 0, strong(37), None), (true, Some(41)), "two days of slack, and no more");
        assert_eq!(judged(1, 0, strong(38), None), (false, None));
        assert_eq!(judged(50, 0, strong(45), None), (true, Some(90)), "it has ended");
        assert_eq!(judged(50, 0, strong(60), Some(49)), (true, Some(90)), "the renewal of yesterday left half of the period at least");
        assert_eq!(judged(50, 49, strong(60), Some(48)), (true, Some(90)), "an object that came after it has the whole");
        assert_eq!(judged(1, 0, Some(lock(Mode::Governance, 90)), None), (true, Some(90)), "the mode is mended, the end stays");
    }
}
