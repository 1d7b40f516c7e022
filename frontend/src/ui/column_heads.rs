//! The names of the columns. Their edges are dragged, or moved with the arrow keys, to make them wider and narrower.

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::context::preferences;
use crate::i18n::Words;
use crate::ui::explain::Explain;
use page_model::Column;

/// What one press of an arrow key moves an edge by.
const STEP_PX: i32 = 12;

pub fn column_word(column: Column) -> fn(&Words) -> &'static str {
    match column {
        Column::Time => |words| words.column_time,
        Column::Topic => |words| words.topic,
        Column::Partition => |words| words.column_partition,
        Column::Offset => |words| words.column_offset,
        Column::Key => |words| words.column_key,
        Column::Value => |words| words.column_value,
        Column::Headers => |words| words.headers,
        Column::Size => |words| words.column_size,
    }
}

#[component]
pub fn ColumnHeads() -> impl IntoView {
    let prefs = preferences();
    let heads = Column::ALL.map(|column| {
        let word = column_word(column);
        view! {
            <span role="columnheader" class=format!("cell-{}", column.name())>
                <span class="clip">{move || word(prefs.words())}</span>
                {(column == Column::Offset)
                    .then(|| view! { <Explain thing=|w| w.column_offset text=|w| w.explain_offset /> })}
                {(column != Column::Value).then(|| view! { <Edge column=column /> })}
            </span>
        }
    });
    view! {
        <div class="tr th" role="row">
            {heads}
        </div>
    }
}

/// The columns right of the value have their edge on the left: it is the side towards the value that moves.
#[component]
pub fn Edge(column: Column) -> impl IntoView {
    let prefs = preferences();
    let is_behind_value = column > Column::Value;
    let direction = if is_behind_value { -1 } else { 1 };
    // Where the pointer went down, and how wide the column was then.
    let drag = StoredValue::new(None::<(i32, i32)>);
    let width = move || i32::from(prefs.columns_untracked().width_px(column));
    let word = column_word(column);
    let on_key = move |event: KeyboardEvent| {
        let by = match event.key().as_str() {
            "ArrowLeft" => -STEP_PX,
            "ArrowRight" => STEP_PX,
            "Home" => return prefs.change_columns(|columns| columns.reset_width(column)),
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        let px = width() + by * direction;
        prefs.change_columns(|columns| columns.set_width_px(column, px));
    };
    let begin_drag = move |event: PointerEvent| {
        event.prevent_default();
        drag.set_value(Some((event.client_x(), width())));
        let edge = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        if let Some(edge) = edge {
            // Without it the drag ends where the pointer leaves the edge.
            let _ = edge.set_pointer_capture(event.pointer_id());
        }
    };
    view! {
        <span
            class="edge"
            class:left=is_behind_value
            role="separator"
            tabindex="0"
            aria-orientation="vertical"
            aria-label=move || prefs.words().column_width.with_column(word(prefs.words()))
            aria-valuenow=move || prefs.columns(|columns| columns.width_px(column)).to_string()
            aria-valuemin=Column::NARROWEST_PX.to_string()
            aria-valuemax=Column::WIDEST_PX.to_string()
            data-testid=format!("column-edge-{}", column.name())
            title=move || prefs.words().column_width_hint
            on:keydown=on_key
            on:dblclick=move |_| prefs.change_columns(|columns| columns.reset_width(column))
            on:pointerdown=begin_drag
            on:pointermove=move |event: PointerEvent| {
                if let Some((from_x, from_width)) = drag.get_value() {
                    let by = (event.client_x() - from_x) * direction;
                    prefs.change_columns(|columns| columns.set_width_px(column, from_width + by));
                }
            }
            on:pointerup=move |_| drag.set_value(None)
            on:pointercancel=move |_| drag.set_value(None)
        ></span>
    }
}
