//! The graph as a picture that needs nothing else: SVG with its own colours for light and dark.

use std::fmt::Write as _;

use super::layout::{self, Layout};
use super::{Graph, Node, Sort};

const MARGIN: usize = 24;
/// Height of a node, and the space below it.
const HEIGHT: usize = 46;
const GAP: usize = 18;
/// Space between layers, for the curves.
const LANE: usize = 90;
const TITLE: usize = 34;
/// Width of a letter of a name; of a detail it is less. Wide enough for any sans-serif.
const LETTER: usize = 9;

/// How small the picture is made in a narrow window. Below that letters cannot be read, and the window scrolls.
const LEAST_PERCENT: usize = 60;

const STYLE: &str = "\
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #ffffff; --line: #8c959f; \
--service: #ddf4ff; --source: #fff8c5; --repository: #dafbe1; --manual: #ffefe7; --approval: #fbefff }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9da7b3; --paper: #0d1117; --line: #6e7681; \
--service: #0c2d4a; --source: #3b2f04; --repository: #0f3d1f; --manual: #4a2410; --approval: #3a1f5c } }
.paper { fill: var(--paper) } text { font: 14px system-ui, sans-serif; fill: var(--ink) } .title { font-weight: 600; font-size: 16px }
.detail { font-size: 11px; fill: var(--soft) } .edge { fill: none; stroke: var(--line); stroke-width: 1.4 } .head { fill: var(--line) }
.box { stroke: var(--line); fill: var(--service) } .source { fill: var(--source) } .repository { fill: var(--repository) }
.manual { fill: var(--manual) } .approval { fill: var(--approval) } .external { stroke-dasharray: 5 4; fill: var(--paper) }
";

pub(super) fn write(graph: &Graph) -> String {
    let layout = layout::layers(graph);
    let widths: Vec<usize> =
        layout.layers.iter().map(|nodes| nodes.iter().filter_map(|n| graph.nodes.get(*n)).map(width).max().unwrap_or_default()).collect();
    let lefts: Vec<usize> = widths
        .iter()
        .scan(MARGIN, |x, width| {
            let left = *x;
            *x += width + LANE;
            Some(left)
        })
        .collect();
    let tallest = layout.layers.iter().map(Vec::len).max().unwrap_or_default();
    let total_width = lefts.last().zip(widths.last()).map_or(2 * MARGIN, |(left, width)| left + width + MARGIN);
    let total_width = total_width.max(2 * MARGIN + graph.title.chars().count() * LETTER);
    let total_height = 2 * MARGIN + TITLE + tallest * (HEIGHT + GAP);
    let page = Page { layout: &layout, widths, lefts, tallest };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total_width}\" height=\"{total_height}\" \
         viewBox=\"0 0 {total_width} {total_height}\" role=\"img\">\n<title>{title}</title>\n<style>\n{STYLE}svg {{ max-width: 100%; min-width: {}px; height: auto }}\n</style>\n\
         <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">\
         <path class=\"head\" d=\"M0 0 L8 4 L0 8 z\"/></marker></defs>\n\
         <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n<text class=\"title\" x=\"{MARGIN}\" y=\"{}\">{title}</text>\n",
        total_width * LEAST_PERCENT / 100,
        MARGIN + 12,
        title = escape(&graph.title),
    );
    graph.edges.iter().for_each(|(from, to)| text.push_str(&page.edge(*from, *to)));
    graph.nodes.iter().enumerate().for_each(|(n, node)| text.push_str(&page.node(n, node)));
    text + "</svg>\n"
}

struct Page<'a> {
    layout: &'a Layout,
    widths: Vec<usize>,
    lefts: Vec<usize>,
    tallest: usize,
}

impl Page<'_> {
    /// Left edge, top edge and width of a node. Short layers stand in the middle of the tall ones.
    fn place(&self, node: usize) -> (usize, usize, usize) {
        let (layer, row) = (self.layout.layer[node], self.layout.row[node]);
        let missing = self.tallest - self.layout.layers[layer].len();
        let top = MARGIN + TITLE + row * (HEIGHT + GAP) + missing * (HEIGHT + GAP) / 2;
        (self.lefts[layer], top, self.widths[layer])
    }

    /// A curve from the right edge of a node to the left edge of a later one. Where it passes layers between them it runs level through the
    /// space between rows, so that it does not hide behind a node.
    fn edge(&self, from: usize, to: usize) -> String {
        let ((x1, y1, width), (x2, y2, _)) = (self.place(from), self.place(to));
        let (x1, y1, y2) = (x1 + width, y1 + HEIGHT / 2, y2 + HEIGHT / 2);
        let (first, last) = (self.layout.layer[from], self.layout.layer[to]);
        let mut path = format!("M{x1} {y1}");
        let mut at = (x1, y1);
        for between in first + 1..last {
            let lane = self.lane(between, (y1 * (last - between) + y2 * (between - first)) / (last - first));
            let left = self.lefts[between];
            path += &curve(at, (left, lane));
            at = (left + self.widths[between], lane);
            let _ = write!(path, " L{} {}", at.0, at.1); // a String takes all
        }
        path += &curve(at, (x2, y2));
        format!("<path class=\"edge\" d=\"{path}\" marker-end=\"url(#head)\"/>\n")
    }

    /// The space between rows of a layer that is nearest to `y`.
    fn lane(&self, layer: usize, y: usize) -> usize {
        let nodes = &self.layout.layers[layer];
        let tops = nodes.iter().map(|node| self.place(*node).1);
        let lanes = tops.flat_map(|top| [top.saturating_sub(GAP / 2), top + HEIGHT + GAP / 2]);
        lanes.min_by_key(|lane| lane.abs_diff(y)).unwrap_or(y)
    }

    fn node(&self, n: usize, node: &Node) -> String {
        let (x, y, width) = self.place(n);
        let (class, round) = match node.sort {
            Sort::Service | Sort::Step => ("", 4),
            Sort::External => (" external", 4),
            Sort::Source => (" source", 4),
            Sort::Repository => (" repository", 16),
            Sort::Manual => (" manual", 16),
            Sort::Approval => (" approval", 4),
        };
        format!(
            "<rect class=\"box{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" rx=\"{round}\"/>\
             <text x=\"{0}\" y=\"{1}\">{2}</text><text class=\"detail\" x=\"{0}\" y=\"{3}\">{4}</text>\n",
            x + 12,
            y + 19,
            escape(&node.name),
            y + 36,
            escape(&node.detail),
        )
    }
}

fn curve(from: (usize, usize), to: (usize, usize)) -> String {
    let middle = usize::midpoint(from.0, to.0);
    format!(" C{middle} {} {middle} {} {} {}", from.1, to.1, to.0, to.1)
}

fn width(node: &Node) -> usize {
    24 + (node.name.chars().count() * LETTER).max(node.detail.chars().count() * LETTER * 3 / 4).max(60)
}

fn escape(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
