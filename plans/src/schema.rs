//! The JSON Schema of the plan language.

/// JSON Schema (draft 2020-12), for editors.
pub fn json_schema() -> serde_json::Value {
    todo!()
}
