//! Where nodes stand: in layers, each to the right of all that lead to it, and within a layer near to what they are linked with.

use super::Graph;

/// Where each node stands: its layer, and its place within it, from 0.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub layer: Vec<usize>,
    pub row: Vec<usize>,
    /// The nodes of each layer, top to bottom.
    pub layers: Vec<Vec<usize>>,
}

/// Sweeps over the layers; more of them seldom help.
const SWEEPS: usize = 8;

pub(super) fn layers(graph: &Graph) -> Layout {
    let layer = depths(graph);
    let mut layers = vec![Vec::new(); layer.iter().max().map_or(0, |deepest| deepest + 1)];
    for (node, layer) in layer.iter().enumerate() {
        if let Some(nodes) = layers.get_mut(*layer) {
            nodes.push(node);
        }
    }
    let mut linked = vec![Vec::new(); graph.nodes.len()];
    for (from, to) in &graph.edges {
        linked[*from].push(*to);
        linked[*to].push(*from);
    }
    let mut row = vec![0; graph.nodes.len()];
    number(&layers, &mut row);
    for sweep in 0..SWEEPS {
        let order: Vec<usize> = if sweep % 2 == 0 { (0..layers.len()).collect() } else { (0..layers.len()).rev().collect() };
        for n in order {
            // A node wants to stand at the mean of its neighbours on the side that the sweep comes from.
            let is_before = |other: &&usize| if sweep % 2 == 0 { layer[**other] < n } else { layer[**other] > n };
            let wish = |node: usize| {
                let rows: Vec<usize> = linked[node].iter().filter(is_before).map(|other| row[*other]).collect();
                if rows.is_empty() { row[node] * 1000 } else { rows.iter().sum::<usize>() * 1000 / rows.len() }
            };
            let mut wishes: Vec<(usize, usize)> = layers[n].iter().map(|node| (wish(*node), *node)).collect();
            wishes.sort_by_key(|(wish, _)| *wish); // stable, so that ties stay in the order of the plan
            layers[n] = wishes.into_iter().map(|(_, node)| node).collect();
            for (place, node) in layers[n].iter().enumerate() {
                row[*node] = place;
            }
        }
    }
    Layout { layer, row, layers }
}

fn number(layers: &[Vec<usize>], row: &mut [usize]) {
    for nodes in layers {
        for (place, node) in nodes.iter().enumerate() {
            row[*node] = place;
        }
    }
}

/// The longest way to each node. A checked plan has no circles; what stood in one would stay in the first layer.
fn depths(graph: &Graph) -> Vec<usize> {
    let mut waits = vec![0; graph.nodes.len()];
    let mut next = vec![Vec::new(); graph.nodes.len()];
    for (from, to) in &graph.edges {
        waits[*to] += 1;
        next[*from].push(*to);
    }
    let mut depth = vec![0; graph.nodes.len()];
    let mut ready: Vec<usize> = (0..graph.nodes.len()).filter(|node| waits[*node] == 0).collect();
    while let Some(node) = ready.pop() {
        for to in &next[node] {
            depth[*to] = depth[*to].max(depth[node] + 1);
            waits[*to] -= 1;
            if waits[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::super::{Node, Sort};
    use super::*;

    fn graph(n: usize, edges: &[(usize, usize)]) -> Graph {
        let node = |n: usize| Node { name: n.to_string(), detail: String::new(), sort: Sort::Service };
        Graph { title: String::new(), nodes: (0..n).map(node).collect(), edges: edges.to_vec() }
    }

    #[test]
    fn every_edge_leads_to_a_later_layer_and_no_two_nodes_share_a_place() {
        let edges = [(0, 1), (1, 2), (0, 2), (3, 2), (2, 4), (5, 4)];
        let found = layers(&graph(7, &edges));
        assert!(edges.iter().all(|(from, to)| found.layer[*from] < found.layer[*to]), "{found:?}");
        let places: std::collections::BTreeSet<_> = found.layer.iter().zip(&found.row).collect();
        assert_eq!(places.len(), 7);
        assert_eq!(found.layer, [0, 1, 2, 0, 3, 0, 0]);
    }

    #[test]
    fn two_chains_that_would_cross_are_laid_side_by_side() {
        let found = layers(&graph(4, &[(0, 3), (1, 2)]));
        assert_eq!((found.row[0] < found.row[1]), (found.row[3] < found.row[2]), "{found:?}");
    }
}
