//! The shapes of the language: which keys there are, what stands behind them, and the check that a tree has them.
//!
//! One table serves three readers: this check, [`crate::schema`], and the person who wants to know what a section may hold.

use super::node::{At, Entry, Kind, Node};
use crate::fault::Collector;
use crate::rules::language as rules;

/// What may stand behind a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Type {
    /// Any text, on one line or more.
    Text,
    /// A whole number in a range.
    Integer { min: u64, max: u64 },
    /// `true` or `false`.
    Truth,
    /// Text in a certain form.
    Format(&'static Format),
    /// One of a few words.
    Word(&'static [&'static str]),
    /// A list; a lone scalar counts as a list of one.
    List { of: &'static Type, least: usize },
    /// A mapping from names to values of one type.
    Map { key: &'static Format, of: &'static Type },
    /// A mapping with known keys.
    Record(&'static Record),
    /// A scalar form or a record, told apart by what is written.
    ScalarOr(&'static Type, &'static Record),
}

/// Text in a certain form.
#[derive(Debug)]
pub(crate) struct Format {
    /// "a span of time"
    pub name: &'static str,
    /// How it looks, for hints and the schema.
    pub examples: &'static [&'static str],
    /// The fact that is wrong with a text, where something is.
    pub check: fn(&str) -> Result<(), String>,
}

/// A mapping with known keys.
#[derive(Debug)]
pub(crate) struct Record {
    /// "a service", for messages.
    pub name: &'static str,
    pub fields: &'static [Field],
    /// Exactly one of these keys must be there: they say what kind of thing it is.
    pub one_of: &'static [&'static str],
}

/// A known key.
#[derive(Debug)]
pub(crate) struct Field {
    pub name: &'static str,
    pub of: Type,
    pub required: bool,
    /// One sentence for editors.
    pub about: &'static str,
}

/// A key that must be there.
pub(crate) const fn required(name: &'static str, of: Type, about: &'static str) -> Field {
    Field { name, of, required: true, about }
}

/// A key that may be left out.
pub(crate) const fn optional(name: &'static str, of: Type, about: &'static str) -> Field {
    Field { name, of, required: false, about }
}

/// Checks a value and everything below it. `name` and `name_at` are its key, where a missing part is reported.
pub(crate) fn check(node: &Node, of: &Type, name: &str, name_at: &At, faults: &mut Collector) {
    match of {
        Type::Text => {
            scalar(node, name, "text", faults);
        }
        Type::Integer { min, max } => integer(node, name, *min, *max, faults),
        Type::Truth => {
            let Some(text) = scalar(node, name, "true or false", faults) else { return };
            if !matches!(text, "true" | "false") {
                bad_value(node, format!("{name} is true or false, not \"{}\"", clipped(text)), "write true or false".to_owned(), faults);
            }
        }
        Type::Format(format) => {
            let Some(text) = scalar(node, name, format.name, faults) else { return };
            form(text, &node.at, format, faults);
        }
        Type::Word(words) => {
            let Some(text) = scalar(node, name, "a word", faults) else { return };
            if !words.contains(&text) {
                let fault = faults.add(&rules::BAD_VALUE, &node.at, format!("{name} cannot be \"{}\"", clipped(text)));
                fault.hint = Some(nearest(text, words.iter().copied()).map_or_else(
                    || format!("it is one of {}", words.join(", ")),
                    |word| format!("did you mean {word}? It is one of {}", words.join(", ")),
                ));
            }
        }
        Type::List { of, least } => {
            if let Kind::Map(_) = node.kind {
                wrong_type(node, name, "a list", faults);
                return;
            }
            let items = node.items();
            if items.len() < *least {
                bad_value(node, format!("{name} is empty"), "give it something, or leave it out".to_owned(), faults);
            }
            for item in items {
                check(item, of, name, &item.at, faults);
            }
        }
        Type::Map { key, of } => {
            let Some(entries) = mapping(node, name, faults) else { return };
            for entry in entries {
                form(&entry.key, &entry.key_at, key, faults);
                check(&entry.value, of, &entry.key, &entry.key_at, faults);
            }
        }
        Type::Record(record) => {
            let Some(entries) = mapping(node, name, faults) else { return };
            fields(entries, record, name, name_at, faults);
        }
        Type::ScalarOr(scalar, record) => match &node.kind {
            Kind::Map(entries) => fields(entries, record, name, name_at, faults),
            _ => check(node, scalar, name, name_at, faults),
        },
    }
}

fn fields(entries: &[Entry], record: &Record, name: &str, name_at: &At, faults: &mut Collector) {
    for entry in entries {
        if let Some(field) = record.fields.iter().find(|field| field.name == entry.key) {
            if !entry.value.is_nothing() || field.required {
                check(&entry.value, &field.of, field.name, &entry.key_at, faults);
            }
            continue;
        }
        let known = || record.fields.iter().map(|field| field.name);
        let what = format!("{} has no key \"{}\"", record.name, clipped(&entry.key));
        let near = faults.looks_for_a_near_name(record.fields.len()).then(|| nearest(&entry.key, known())).flatten();
        let fault = faults.add(&rules::UNKNOWN_KEY, &entry.key_at, what);
        fault.hint = Some(
            near.map_or_else(|| format!("its keys are {}", known().collect::<Vec<_>>().join(", ")), |near| format!("did you mean {near}?")),
        );
    }
    for field in record.fields.iter().filter(|field| field.required) {
        if !entries.iter().any(|entry| entry.key == field.name) {
            let what = format!("\"{name}\" lacks the key \"{}\"", field.name);
            faults.add(&rules::MISSING_KEY, name_at, what).hint = Some(format!("{}: {}", field.name, field.about));
        }
    }
    if record.one_of.is_empty() {
        return;
    }
    let kinds: Vec<&Entry> = entries.iter().filter(|entry| record.one_of.contains(&entry.key.as_str())).collect();
    if kinds.is_empty() {
        let what = format!("\"{name}\" does not say what it is");
        faults.add(&rules::MISSING_KEY, name_at, what).hint = Some(format!("give it one of {}", record.one_of.join(", ")));
    }
    for extra in kinds.iter().skip(1) {
        let what = format!("\"{name}\" is both {} and {}", kinds[0].key, extra.key);
        faults.add(&rules::BAD_VALUE, &extra.key_at, what).hint = Some("make two of it".to_owned());
    }
}

fn scalar<'a>(node: &'a Node, name: &str, wanted: &str, faults: &mut Collector) -> Option<&'a str> {
    if node.is_nothing() {
        faults.add(&rules::WRONG_TYPE, &node.at, format!("{name} has no value")).hint = Some(format!("give it {wanted}"));
        return None;
    }
    let text = node.text();
    if text.is_none() {
        wrong_type(node, name, wanted, faults);
    }
    text
}

fn mapping<'a>(node: &'a Node, name: &str, faults: &mut Collector) -> Option<&'a [Entry]> {
    match &node.kind {
        Kind::Map(entries) => Some(entries),
        _ if node.is_nothing() => Some(&[]),
        _ => {
            wrong_type(node, name, "a mapping", faults);
            None
        }
    }
}

fn integer(node: &Node, name: &str, min: u64, max: u64, faults: &mut Collector) {
    let Some(text) = scalar(node, name, "a whole number", faults) else { return };
    let number = text.parse::<u64>().ok();
    if min == max && number != Some(min) {
        bad_value(node, format!("{name} is {min}, not \"{}\"", clipped(text)), format!("write {name}: {min}"), faults);
    } else if number.is_none_or(|number| number < min || number > max) {
        let range = if max == u64::MAX { format!("from {min} on") } else { format!("from {min} to {max}") };
        bad_value(node, format!("{name} is a whole number {range}, not \"{}\"", clipped(text)), format!("write a number {range}"), faults);
    }
}

fn form(text: &str, at: &At, format: &Format, faults: &mut Collector) {
    if let Err(what) = (format.check)(text) {
        let fault = faults.add(&rules::BAD_VALUE, at, what);
        fault.hint = (!format.examples.is_empty()).then(|| format!("write {} like {}", format.name, format.examples.join(" or ")));
    }
}

fn wrong_type(node: &Node, name: &str, wanted: &str, faults: &mut Collector) {
    let fault = faults.add(&rules::WRONG_TYPE, &node.at, format!("{name} must be {wanted}, this is {}", node.kind_word()));
    let look = match wanted {
        "a list" => "[one, two]",
        "a mapping" => "{key: value}",
        _ => "one value, without brackets",
    };
    fault.hint = Some(format!("write {name}: {look}"));
}

fn bad_value(node: &Node, what: String, hint: String, faults: &mut Collector) {
    faults.add(&rules::BAD_VALUE, &node.at, what).hint = Some(hint);
}

/// The known word that a typo comes closest to, where one is close.
pub(crate) fn nearest<'a>(typo: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typo: String = typo.chars().take(64).collect();
    let near = known.map(|word| (strsim::damerau_levenshtein(&typo, word), word)).min_by_key(|(distance, _)| *distance);
    near.filter(|(distance, word)| *distance <= 2.max(word.len() / 3) && *distance < word.len()).map(|(_, word)| word)
}

/// Text from outside, short enough for a message.
pub(crate) fn clipped(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short.replace(['\n', '\r', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_word_and_nonsense_finds_none() {
        let known = ["schedule", "paths", "exclude", "to", "retention"];
        assert_eq!(nearest("shedule", known.into_iter()), Some("schedule"));
        assert_eq!(nearest("retenton", known.into_iter()), Some("retention"));
        assert_eq!(nearest("zzzzzzzz", known.into_iter()), None);
        assert_eq!(nearest("x", ["to"].into_iter()), None);
    }
}
