//! Full-text search over the articles: every article is read and ranked by BM25, as there are dozens of them and not millions.
//!
//! A word of the question counts where it stands, and half where another word begins with it; the title counts most, the text least.

use std::collections::BTreeMap;

use serde::Serialize;

/// How much a word counts in a field.
const WEIGHTS: [(&str, f64); 6] = [("id", 6.0), ("title", 4.0), ("symptom", 3.0), ("services", 2.0), ("cause", 2.0), ("fix", 2.0)];
/// How soon more of the same word stops to count, and how much the length of an article does (Robertson and Zaragoza, 2009).
const K1: f64 = 1.2;
const B: f64 = 0.75;
/// The fewest characters of a word with which another may begin.
const PREFIX: usize = 3;

/// An article to look through.
#[derive(Debug, Clone)]
pub struct Doc<'a> {
    /// Its name.
    pub id: &'a str,
    /// Its fields.
    pub fields: &'a BTreeMap<String, String>,
    /// Its Markdown.
    pub body: &'a str,
}

/// An article that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// Its name.
    pub id: String,
    /// How well it fits; only the order means something.
    pub score: f64,
    /// The line in which most of the words stand.
    pub line: String,
}

/// The words of a text: runs of letters and digits, small.
pub fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// The articles that hold a word of `question`, the best first; equal ones in the order of their names.
pub fn search(docs: &[Doc<'_>], question: &str) -> Vec<Hit> {
    let asked = words(question);
    let weighed: Vec<BTreeMap<String, f64>> = docs.iter().map(weigh).collect();
    let lengths: Vec<f64> = weighed.iter().map(|words| words.values().sum()).collect();
    let n_docs = number(docs.len());
    let average = lengths.iter().sum::<f64>() / n_docs.max(1.0);
    let mut scores = vec![0.0; docs.len()];
    for word in &asked {
        let found: Vec<f64> = weighed.iter().map(|words| frequency(words, word)).collect();
        let n_found = number(found.iter().filter(|frequency| **frequency > 0.0).count());
        let rarity = (1.0 + (n_docs - n_found + 0.5) / (n_found + 0.5)).ln();
        for ((score, frequency), length) in scores.iter_mut().zip(&found).zip(&lengths) {
            *score += rarity * frequency * (K1 + 1.0) / (frequency + K1 * (1.0 - B + B * length / average.max(1.0)));
        }
    }
    let hits = docs.iter().zip(scores).filter(|(_, score)| *score > 0.0);
    let mut hits: Vec<Hit> = hits.map(|(doc, score)| Hit { id: doc.id.to_owned(), score, line: best_line(doc, &asked) }).collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    hits
}

/// Counts are small: an article has at most some hundred thousand bytes.
fn number(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

fn weigh(doc: &Doc<'_>) -> BTreeMap<String, f64> {
    let mut weighed = BTreeMap::new();
    let mut add = |text: &str, weight: f64| {
        for word in words(text) {
            *weighed.entry(word).or_insert(0.0) += weight;
        }
    };
    for (field, weight) in WEIGHTS {
        add(if field == "id" { doc.id } else { doc.fields.get(field).map_or("", String::as_str) }, weight);
    }
    add(doc.body, 1.0);
    weighed
}

fn frequency(words: &BTreeMap<String, f64>, asked: &str) -> f64 {
    let exact = words.get(asked).copied().unwrap_or(0.0);
    if asked.chars().count() < PREFIX {
        return exact;
    }
    let begin = words.range(asked.to_owned()..).take_while(|(word, _)| word.starts_with(asked)).filter(|(word, _)| *word != asked);
    exact + begin.map(|(_, weight)| weight / 2.0).sum::<f64>()
}

/// The line that holds most of what was asked, of the fields and the text.
fn best_line(doc: &Doc<'_>, asked: &[String]) -> String {
    let fields = ["symptom", "cause", "fix"].into_iter().filter_map(|field| doc.fields.get(field));
    let lines = fields.flat_map(|text| text.lines()).chain(doc.body.lines()).map(str::trim);
    let held = |line: &str| {
        let words = words(line);
        asked.iter().filter(|word| words.iter().any(|one| one.starts_with(word.as_str()))).count()
    };
    let mut best = ("", 0);
    for line in lines {
        let n = held(line);
        if n > best.1 {
            best = (line, n);
        }
    }
    best.0.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(title: &str, symptom: &str) -> BTreeMap<String, String> {
        [("title", title), ("symptom", symptom)].map(|(field, text)| (field.to_owned(), text.to_owned())).into()
    }

    #[test]
    fn the_article_whose_title_says_it_comes_before_one_that_mentions_it_and_others_do_not_come() {
        let (a, b, c) = (fields("Mail queue stands still", ""), fields("Logs fill the disk", "no space left"), fields("Printer", ""));
        let docs = [
            Doc { id: "KB-1", fields: &a, body: "Sometimes the disk is full.\nThen the queue stands still." },
            Doc { id: "KB-2", fields: &b, body: "Rotate the logs." },
            Doc { id: "KB-3", fields: &c, body: "Paper." },
        ];
        let ids = |question: &str| search(&docs, question).into_iter().map(|hit| hit.id).collect::<Vec<_>>();
        assert_eq!(ids("disk"), ["KB-2", "KB-1"]);
        assert_eq!(ids("DISK queue"), ["KB-1", "KB-2"]);
        assert_eq!(ids("kb-3"), ["KB-3", "KB-1", "KB-2"], "\"kb\" is in every name, \"3\" in one");
        assert_eq!(ids("rotat"), ["KB-2"], "the beginning of a word is enough");
        assert_eq!(ids("zebra"), Vec::<String>::new());
        assert_eq!(ids("  "), Vec::<String>::new());
        assert_eq!(search(&docs, "disk full")[0].line, "Sometimes the disk is full.");
        assert_eq!(search(&[], "disk"), []);
    }
}
