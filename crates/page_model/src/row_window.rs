//! Which rows of a list are visible; only those are in the document. A position is the number of pixels above the
//! visible part. The scrollbar has positions of its own, because browsers limit the height of an element.

use std::ops::Range;

/// Browsers limit the height of an element to 17 to 33 million pixels, and to less on a zoomed page. The space of a
/// longer list has this height.
const MAX_SPACE_PX: f64 = 6_000_000.0;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RowWindow {
    pub row_px: f64,
    pub row_count: usize,
    /// The height of the visible part.
    pub view_px: f64,
    /// The position of the visible part in the list.
    pub top_px: f64,
}

impl RowWindow {
    fn list_px(&self) -> f64 {
        self.row_count as f64 * self.row_px
    }

    /// The height of the space: the element that gives the scrollbar its length.
    pub fn space_px(&self) -> f64 {
        self.list_px().min(MAX_SPACE_PX)
    }

    /// The position at which the last row is at the bottom.
    pub fn last_top_px(&self) -> f64 {
        (self.list_px() - self.view_px).max(0.0)
    }

    /// Pixels of the list for one pixel of the scrollbar.
    fn scale(&self) -> f64 {
        if self.list_px() <= MAX_SPACE_PX { 1.0 } else { self.last_top_px() / (MAX_SPACE_PX - self.view_px) }
    }

    pub fn move_to(&mut self, top_px: f64) {
        self.top_px = top_px.clamp(0.0, self.last_top_px());
    }

    /// The scrollbar's position for the list's.
    pub fn scroll_px(&self) -> f64 {
        (self.top_px / self.scale()).round()
    }

    /// The list's position after the scrollbar was moved.
    pub fn top_px_after_scroll(&self, from_px: f64, to_px: f64) -> f64 {
        let (moved_px, scale) = (to_px - from_px, self.scale());
        // Where many rows share a pixel of the scrollbar, the wheel still moves row by row; only the thumb leaps.
        if scale > 1.0 && moved_px.abs() < self.view_px { self.top_px + moved_px } else { to_px * scale }
    }

    /// The rows that are visible at least in part, and `overscan_rows` more above and below.
    pub fn visible_rows(&self, overscan_rows: usize) -> Range<usize> {
        let first = (self.top_px / self.row_px) as usize;
        let end = ((self.top_px + self.view_px) / self.row_px).ceil() as usize;
        let end = end.saturating_add(overscan_rows).min(self.row_count);
        first.saturating_sub(overscan_rows).min(end)..end
    }

    /// How many rows fit into the visible part.
    pub fn rows_per_page(&self) -> usize {
        (self.view_px / self.row_px) as usize
    }

    /// The nearest position at which the whole row is visible.
    pub fn top_px_to_show(&self, index: usize) -> f64 {
        let row_top_px = index as f64 * self.row_px;
        let from_below_px = (row_top_px + self.row_px - self.view_px).min(row_top_px);
        self.top_px.max(from_below_px).min(row_top_px)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(row_count: usize, top_px: f64) -> RowWindow {
        RowWindow { row_px: 30.0, row_count, view_px: 300.0, top_px }
    }

    #[test]
    fn visible_rows_include_rows_that_are_cut_off() {
        assert_eq!(window(100, 0.0).visible_rows(0), 0..10);
        assert_eq!(window(100, 10.0).visible_rows(0), 0..11);
        assert_eq!(window(100, 60.0).visible_rows(0), 2..12);
        assert_eq!(window(100, 600.0).visible_rows(8), 12..38);
    }

    #[test]
    fn overscan_ends_at_the_ends_of_the_list() {
        assert_eq!(window(100, 60.0).visible_rows(8), 0..20);
        assert_eq!(window(100, 2700.0).visible_rows(8), 82..100);
        assert_eq!(window(3, 0.0).visible_rows(8), 0..3);
        assert_eq!(window(0, 0.0).visible_rows(8), 0..0);
        // The list became shorter, and has not moved yet.
        assert!(window(5, 9000.0).visible_rows(0).is_empty());
    }

    #[test]
    fn positions_beyond_the_list_become_its_ends() {
        for (to_px, top_px) in [(-5.0, 0.0), (40.0, 40.0), (f64::INFINITY, 2700.0)] {
            let mut window = window(100, 0.0);
            window.move_to(to_px);
            assert_eq!(window.top_px, top_px);
        }
        let mut short = window(3, 0.0);
        short.move_to(40.0);
        assert_eq!(short.top_px, 0.0);
    }

    #[test]
    fn a_row_is_shown_by_the_shortest_way() {
        let window = window(100, 600.0);
        assert_eq!(window.top_px_to_show(19), 570.0, "above");
        assert_eq!(window.top_px_to_show(20), 600.0, "the first visible row");
        assert_eq!(window.top_px_to_show(29), 600.0, "the last visible row");
        assert_eq!(window.top_px_to_show(30), 630.0, "below");
        assert_eq!(RowWindow { view_px: 0.0, ..window }.top_px_to_show(50), 1500.0, "a list that is not displayed yet");
    }

    #[test]
    fn the_scrollbar_of_a_short_list_has_the_positions_of_the_list() {
        let window = window(100, 600.0);
        assert_eq!((window.space_px(), window.scroll_px()), (3000.0, 600.0));
        assert_eq!(window.top_px_after_scroll(600.0, 601.0), 601.0);
        assert_eq!(window.top_px_after_scroll(600.0, 2700.0), 2700.0);
    }

    #[test]
    fn the_scrollbar_of_a_list_too_long_for_a_browser_reaches_every_row() {
        let mut window = window(10_000_000, 0.0);
        assert_eq!(window.space_px(), MAX_SPACE_PX);
        let scrollbar_end_px = MAX_SPACE_PX - window.view_px;
        assert_eq!(window.top_px_after_scroll(0.0, scrollbar_end_px), window.last_top_px());
        window.move_to(f64::INFINITY);
        assert_eq!(window.scroll_px(), scrollbar_end_px);
        assert_eq!(window.visible_rows(0).end, 10_000_000);
        // A step of the wheel is as long as in a short list.
        window.move_to(150_000_000.0);
        let scroll_px = window.scroll_px();
        assert_eq!(window.top_px_after_scroll(scroll_px, scroll_px + 60.0), 150_000_060.0);
    }
}
