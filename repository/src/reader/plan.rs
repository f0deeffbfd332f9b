//! Which parts of which packs to fetch for the chunks that are wanted. Pure: rows in, requests out.

use crate::index::FramePlace;

/// Frames closer together than this many bytes are fetched in one request: asking again costs as much as reading them.
const GAP: u64 = 256 << 10;
/// A request is closed when it has this many bytes, which bounds memory and lets the threads begin early.
const REQUEST: u64 = 4 << 20;

/// A wanted chunk, in the order in which packs are read: domain, pack, frame, offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    pub domain: u16,
    pub pack: u32,
    pub frame: u16,
    pub offset: u32,
    pub len: u32,
    /// Which of the ids that were asked for.
    pub number: u32,
}

/// Frames of one pack that are fetched in one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub domain: u16,
    pub pack: u32,
    /// The wanted chunks in it: a part of the sorted list.
    pub from: usize,
    pub to: usize,
    /// From where to where in the plaintext of the pack.
    pub start: u64,
    pub end: u64,
}

/// Cuts the sorted list into requests. `frame` tells where a frame is; chunks whose frame is unknown come back in the second list.
pub(super) fn requests(wanted: &[Wanted], frame: impl Fn(&Wanted) -> Option<FramePlace>) -> (Vec<Request>, Vec<usize>) {
    let (mut requests, mut lost) = (Vec::<Request>::new(), Vec::new());
    let mut before: Option<((u16, u32, u16), Option<FramePlace>)> = None;
    for (at, chunk) in wanted.iter().enumerate() {
        let name = (chunk.domain, chunk.pack, chunk.frame);
        let place = match before {
            Some((same, place)) if same == name => place,
            _ => frame(chunk),
        };
        let is_new_frame = before.is_none_or(|(same, _)| same != name);
        before = Some((name, place));
        let Some(place) = place else {
            lost.push(at);
            continue;
        };
        if let Some(open) = requests.last_mut().filter(|open| open.domain == chunk.domain && open.pack == chunk.pack && open.to == at) {
            let fits = place.start <= open.end + GAP && place.end.saturating_sub(open.start) <= REQUEST;
            if fits || !is_new_frame {
                open.to = at + 1;
                open.end = open.end.max(place.end);
                continue;
            }
        }
        requests.push(Request { domain: chunk.domain, pack: chunk.pack, from: at, to: at + 1, start: place.start, end: place.end });
    }
    (requests, lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(pack: u32, frame: u16, offset: u32) -> Wanted {
        Wanted { domain: 0, pack, frame, offset, len: 1, number: 0 }
    }

    /// Frames of one mebibyte each.
    fn place(chunk: &Wanted) -> Option<FramePlace> {
        let start = u64::from(chunk.frame) << 20;
        (chunk.frame < 100).then_some(FramePlace { start, end: start + (1 << 20), raw_len: 3 << 20 })
    }

    #[test]
    fn neighbouring_frames_are_one_request_and_distant_ones_are_two() {
        let wanted = [chunk(0, 0, 0), chunk(0, 0, 9), chunk(0, 1, 0), chunk(0, 9, 0), chunk(1, 9, 0), chunk(1, 100, 0)];
        let (requests, lost) = requests(&wanted, place);
        let shape: Vec<_> = requests.iter().map(|r| (r.pack, r.from, r.to, r.start >> 20, r.end >> 20)).collect();
        assert_eq!(shape, [(0, 0, 3, 0, 2), (0, 3, 4, 9, 10), (1, 4, 5, 9, 10)]);
        assert_eq!(lost, [5]);
    }

    #[test]
    fn a_request_stays_bounded_however_much_is_wanted() {
        let wanted: Vec<_> = (0..64).map(|frame| chunk(0, frame, 0)).collect();
        let (requests, _) = requests(&wanted, place);
        assert_eq!(requests.len(), 16);
        assert!(requests.iter().all(|request| request.end - request.start <= REQUEST));
    }
}
