//! The JSON Schema of the plan language, made of the same tables that the check reads.

use serde_json::{Map, Value, json};

use crate::document::reuse::LIKE;
use crate::document::section::ROOT;
use crate::document::shape::{Record, Type};

/// JSON Schema (draft 2020-12), for editors. It knows keys, kinds and words; forms and meaning are `plan check`'s.
pub fn json_schema() -> Value {
    let mut schema = record(&ROOT);
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        object.insert("title".to_owned(), json!("lifeboat plan, version 1"));
    }
    schema
}

fn record(record: &Record) -> Value {
    shape(record, false)
}

/// A part of a section may say what it is like, and leave out what it takes from there.
fn part(record: &Record) -> Value {
    shape(record, true)
}

fn shape(record: &Record, reusable: bool) -> Value {
    let mut properties = Map::new();
    for field in record.fields {
        let mut schema = of(&field.of);
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".to_owned(), json!(field.about));
        }
        properties.insert(field.name.to_owned(), schema);
    }
    if reusable {
        properties.insert(
            LIKE.to_owned(),
            json!({"type": "string", "description": "the part of this section that it takes all other keys from"}),
        );
    }
    let required: Vec<&str> = record.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if let Some(object) = schema.as_object_mut() {
        if !required.is_empty() && reusable {
            object.insert("anyOf".to_owned(), json!([{"required": required}, {"required": [LIKE]}]));
        } else if !required.is_empty() {
            object.insert("required".to_owned(), json!(required));
        }
        if !record.one_of.is_empty() {
            let mut one_of: Vec<Value> = record.one_of.iter().map(|key| json!({"required": [key]})).collect();
            if reusable {
                let none: Vec<Value> = one_of.clone();
                one_of.push(json!({"required": [LIKE], "not": {"anyOf": none}}));
            }
            object.insert("oneOf".to_owned(), json!(one_of));
        }
    }
    schema
}

fn of(kind: &Type) -> Value {
    match kind {
        Type::Text => json!({"type": ["string", "number", "boolean"]}),
        Type::Integer { min, max: u64::MAX } => json!({"type": "integer", "minimum": min}),
        Type::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Type::Truth => json!({"type": "boolean"}),
        Type::Format(format) => json!({"type": ["string", "integer"], "title": format.name, "examples": format.examples}),
        Type::Word(words) => json!({"enum": words}),
        Type::List { of: item, least } => {
            let item = of(item);
            json!({"anyOf": [{"type": "array", "items": item, "minItems": least}, item]})
        }
        Type::Map { of: Type::Record(known), .. } => json!({"type": "object", "additionalProperties": part(known)}),
        Type::Map { of: value, .. } => json!({"type": "object", "additionalProperties": of(value)}),
        Type::Record(known) => record(known),
        Type::ScalarOr(scalar, known) => json!({"anyOf": [of(scalar), record(known)]}),
    }
}
