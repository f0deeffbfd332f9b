//! Reads the five fields of crontab(5) and writes them in the dialect of the `cron` crate.

use std::collections::BTreeSet;

use jiff::civil::Date;

/// The values that each field admits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields {
    pub minutes: BTreeSet<u8>,
    pub hours: BTreeSet<u8>,
    days: BTreeSet<u8>,
    months: BTreeSet<u8>,
    /// 0 is Sunday.
    weekdays: BTreeSet<u8>,
    /// Neither of the day fields has a star, so that either may match.
    either_day: bool,
}

struct Rule {
    name: &'static str,
    min: u8,
    max: u8,
    names: &'static [&'static str],
}

const MINUTE: Rule = Rule { name: "minute", min: 0, max: 59, names: &[] };
const HOUR: Rule = Rule { name: "hour", min: 0, max: 23, names: &[] };
const DAY: Rule = Rule { name: "day of month", min: 1, max: 31, names: &[] };
const MONTH: Rule =
    Rule { name: "month", min: 1, max: 12, names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"] };
const WEEKDAY: Rule = Rule { name: "weekday", min: 0, max: 7, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

impl Fields {
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let line = match text.strip_prefix('@') {
            None => text,
            Some("hourly") => "0 * * * *",
            Some("daily" | "midnight") => "0 0 * * *",
            Some("weekly") => "0 0 * * 0",
            Some("monthly") => "0 0 1 * *",
            Some("yearly" | "annually") => "0 0 1 1 *",
            Some(_) => return Err("the names are @hourly, @daily, @weekly, @monthly and @yearly".to_owned()),
        };
        let parts: Vec<&str> = line.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts[..] else {
            return Err(format!("it has {} fields in place of five: minute, hour, day of month, month, weekday", parts.len()));
        };
        let weekdays = field(weekday, &WEEKDAY)?.into_iter().map(|day| day % 7).collect();
        Ok(Self {
            minutes: field(minute, &MINUTE)?,
            hours: field(hour, &HOUR)?,
            days: field(day, &DAY)?,
            months: field(month, &MONTH)?,
            weekdays,
            either_day: !day.contains('*') && !weekday.contains('*'),
        })
    }

    /// Whether the hour is left open.
    pub fn every_hour(&self) -> bool {
        self.hours.len() == 24
    }

    /// Whether no day is left out.
    pub fn every_day(&self) -> bool {
        let (all_days, all_weekdays) = (self.days.len() == 31, self.weekdays.len() == 7);
        self.months.len() == 12 && if self.either_day { all_days || all_weekdays } else { all_days && all_weekdays }
    }

    /// Whether a day has runs.
    pub fn matches(&self, date: Date) -> bool {
        let has = |set: &BTreeSet<u8>, n: i8| u8::try_from(n).is_ok_and(|n| set.contains(&n));
        let day = has(&self.days, date.day());
        let weekday = has(&self.weekdays, date.weekday().to_sunday_zero_offset());
        has(&self.months, date.month()) && if self.either_day { day || weekday } else { day && weekday }
    }

    /// Lines of the `cron` crate: seconds come first, 1 is Sunday, and all fields must match, so that "either day" takes two lines.
    pub fn generators(&self) -> Vec<String> {
        let (minutes, hours) = (list(&self.minutes, 0, 60), list(&self.hours, 0, 24));
        let (days, months, weekdays) = (list(&self.days, 0, 31), list(&self.months, 0, 12), list(&self.weekdays, 1, 7));
        let line = |days: &str, weekdays: &str| format!("0 {minutes} {hours} {days} {months} {weekdays}");
        if self.either_day { vec![line(&days, "*"), line("*", &weekdays)] } else { vec![line(&days, &weekdays)] }
    }
}

fn list(values: &BTreeSet<u8>, shift: u8, all: usize) -> String {
    if values.len() == all {
        return "*".to_owned();
    }
    values.iter().map(|value| (value + shift).to_string()).collect::<Vec<_>>().join(",")
}

fn field(text: &str, rule: &Rule) -> Result<BTreeSet<u8>, String> {
    let mut values = BTreeSet::new();
    for item in text.split(',') {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(number(step, rule, item)?)),
            None => (item, None),
        };
        let (from, to) = if range == "*" {
            (rule.min, if rule.names == WEEKDAY.names { 6 } else { rule.max })
        } else if let Some((from, to)) = range.split_once('-') {
            let from = value(from, rule, item)?;
            let to = value(to, rule, item)?;
            // "sat-sun": Sunday ends a week as well as it begins one.
            (from, if to == 0 && from > 0 && rule.names == WEEKDAY.names { 7 } else { to })
        } else if step.is_some() {
            return Err(format!("\"{item}\" steps from a single {}; write a range, like {range}-{}/…", rule.name, rule.max));
        } else {
            let only = value(range, rule, item)?;
            (only, only)
        };
        if from > to {
            return Err(format!("\"{item}\" runs backwards"));
        }
        let step = step.unwrap_or(1);
        if step == 0 {
            return Err(format!("\"{item}\" steps by nothing"));
        }
        values.extend((from..=to).step_by(step.into()));
    }
    Ok(values)
}

fn value(text: &str, rule: &Rule, item: &str) -> Result<u8, String> {
    let lower = text.to_ascii_lowercase();
    let named = rule.names.iter().zip(rule.min..).find(|(name, _)| **name == lower).map(|(_, value)| value);
    let value = named.map_or_else(|| number(text, rule, item), Ok)?;
    if (rule.min..=rule.max).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{} is {} to {}, not {text}", rule.name, rule.min, rule.max))
    }
}

fn number(text: &str, rule: &Rule, item: &str) -> Result<u8, String> {
    let plain = !text.is_empty() && text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain).ok_or_else(|| format!("\"{item}\" is no {}", rule.name))
}
