//! The graph in the language of Graphviz.

use std::fmt::Write as _;

use super::{Graph, Sort};

pub(super) fn write(graph: &Graph) -> String {
    let mut text =
        format!("digraph plan {{\n  label={};\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n", quoted(&graph.title));
    for (n, node) in graph.nodes.iter().enumerate() {
        let style = match node.sort {
            Sort::Service | Sort::Step => "",
            Sort::External => ", style=dashed",
            Sort::Source => ", shape=note",
            Sort::Repository => ", shape=cylinder",
            Sort::Manual => ", style=rounded",
            Sort::Approval => ", shape=hexagon",
        };
        let label = quoted(&format!("{}\n{}", node.name, node.detail));
        let _ = writeln!(text, "  n{n} [label={label}{style}];"); // a String takes all
    }
    for (from, to) in &graph.edges {
        let _ = writeln!(text, "  n{from} -> n{to};");
    }
    text + "}\n"
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
