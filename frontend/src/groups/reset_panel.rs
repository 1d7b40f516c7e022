//! The panel for the offset reset of the open group: the form, then the plan's totals with buttons, then the outcome. The
//! plan's partitions are in the table below (`group_tables.rs`).

use leptos::prelude::*;

use crate::context::request_error::{ObjectKind, change_blocked};
use crate::context::{preferences, store};
use crate::groups::group_screen::GroupScreen;
use crate::groups::reset_form::ResetForm;
use crate::i18n::Plural;
use crate::platform::browser::{self, FileParts};
use crate::ui::format::number;
use crate::ui::fresh::fresh;
use page_model::{Intent, Phase, PlanTotals, ReadMode, ReadState, Reset, ResetBlocked, ResetStep};

/// Maximum number of members that are named if members block the reset.
const NAMED_MEMBERS: usize = 3;

/// The part of the panel that is shown. Several steps of the reset share a part, which then is not created again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Form,
    Plan,
    Outcome,
}

#[component]
pub fn ResetPanel(screen: GroupScreen, is_open: RwSignal<bool>) -> impl IntoView {
    let prefs = preferences();
    let step = Memo::new(move |_| screen.reset(|reset| reset.step()));
    let part = Memo::new(move |_| match step.get() {
        ResetStep::Choosing | ResetStep::Planning => Part::Form,
        ResetStep::Planned | ResetStep::Applying => Part::Plan,
        _ => Part::Outcome,
    });
    // The button that was pressed is no longer in the document, so the focus moves to the new part.
    Effect::new(move |_| {
        let id = if part.get() == Part::Form { "reset-to" } else { "reset-panel" };
        request_animation_frame(move || browser::focus(id));
    });
    let close = move || {
        screen.back_to_choosing();
        is_open.set(false);
        browser::focus("reset-offsets");
    };
    view! {
        <section
            class="reset"
            id="reset-panel"
            tabindex="-1"
            data-testid="reset"
            data-state=move || step.get().name()
            aria-label=prefs.text(|w| w.reset)
            on:keydown=move |event| {
                if event.key() == "Escape" && !step.get_untracked().is_waiting() {
                    close();
                }
            }
        >
            <div class="reset-head">
                <h3>{prefs.text(|w| w.reset)}</h3>
                <p class="muted">{prefs.text(|w| w.reset_explanation)}</p>
                <button
                    type="button"
                    class="icon"
                    data-testid="reset-close"
                    aria-label=prefs.text(|w| w.close)
                    disabled=move || step.get().is_waiting()
                    on:click=move |_| close()
                >
                    "×"
                </button>
            </div>
            {fresh(move || match part.get() {
                Part::Form => view! { <ResetForm screen=screen step=step /> }.into_any(),
                Part::Plan => view! { <Planned screen=screen step=step /> }.into_any(),
                Part::Outcome => view! { <Outcome screen=screen step=step /> }.into_any(),
            })}
        </section>
    }
}

/// The plan's totals, and buttons to apply or to change the plan.
#[component]
fn Planned(screen: GroupScreen, step: Memo<ResetStep>) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let blocked = Memo::new(move |_| screen.snapshot(|group| screen.reset(|reset| reset.blocked(group))));
    let change_blocked = change_blocked(protocol::Action::Alter, ObjectKind::Group, screen.name);
    let totals = screen.reset(|reset| reset.totals());
    let page_reads = Memo::new(move |_| {
        let reads = |intent: &Intent| intent.mode == ReadMode::Group && intent.group == screen.name();
        store.read(|state| state.listening().phase() != Phase::Idle && reads(state.listening().intent()))
    });
    let members = move || {
        let words = prefs.words();
        let named = screen.snapshot(|group| {
            let name = |member: &protocol::GroupMember| {
                let host = member.host.trim_start_matches('/');
                words.reset_member_at.with_client_host_id(&member.client, host, &member.member)
            };
            let named = group.members().iter().take(NAMED_MEMBERS).map(name).collect::<Vec<_>>().join(", ");
            (named, group.members().len().saturating_sub(NAMED_MEMBERS))
        });
        match named {
            (named, 0) => named,
            (named, more) => words.reset_and_more.with_n_names(&more.to_string(), &named),
        }
    };
    let why_not = move || {
        let words = prefs.words();
        if let Some(blocked) = change_blocked() {
            return blocked.to_owned();
        }
        match blocked.get() {
            None => String::new(),
            Some(ResetBlocked::NothingMoves) => words.reset_nothing_moves.to_owned(),
            Some(ResetBlocked::Moved(n)) => words.reset_moved_count.count(n as u64, &n.to_string()),
            Some(ResetBlocked::Refused(error)) => error.message,
            Some(ResetBlocked::Members(n)) => {
                words.reset_members_count.of(n as u64).with_n_names(&n.to_string(), &members())
            }
        }
    };
    let state = move || match blocked.get() {
        None => "ready",
        Some(ResetBlocked::NothingMoves) => "idle",
        Some(ResetBlocked::Moved(_)) => "moved",
        Some(ResetBlocked::Refused(_)) => "refused",
        Some(ResetBlocked::Members(_)) => "members",
    };
    let apply = move || {
        let n = totals.moved as u64;
        let words = prefs.words();
        match step.get() {
            ResetStep::Applying => words.reset_applying.to_owned(),
            _ => words.reset_apply_count.count(n, &number(n, prefs.language())),
        }
    };
    let cannot_apply = move || step.get().is_waiting() || blocked.with(Option::is_some) || change_blocked().is_some();
    let moved = move || matches!(blocked.get(), Some(ResetBlocked::Moved(_)));
    view! {
        <PlanSummary totals=totals />
        <p
            class="reset-why"
            class:bad=move || !moved()
            data-testid="reset-obstacle"
            data-state=state
            id="reset-why-not"
            role="status"
        >
            {why_not}
        </p>
        <div class="actions">
            <button
                type="button"
                class="button primary"
                data-testid="confirm"
                disabled=cannot_apply
                aria-describedby="reset-why-not"
                on:click=move |_| screen.apply()
            >
                {apply}
            </button>
            <button
                type="button"
                class="button"
                class:primary=moved
                data-testid="reset-again"
                disabled=move || step.get().is_waiting()
                on:click=move |_| screen.plan_again()
            >
                {prefs.text(|w| w.reset_plan_again)}
            </button>
            <button
                type="button"
                class="button quiet"
                data-testid="reset-change"
                disabled=move || step.get().is_waiting()
                on:click=move |_| screen.back_to_choosing()
            >
                {prefs.text(|w| w.reset_change)}
            </button>
            <Show when=move || page_reads.get()>
                <button
                    type="button"
                    class="button"
                    data-testid="reset-stop-listening"
                    on:click=move |_| store.act(|state, _| state.stop_listening())
                >
                    {prefs.text(|w| w.listen_stop)}
                </button>
            </Show>
        </div>
    }
}

/// The plan's totals: `12 offsets move · 3 unchanged · 1,204 records read again`.
#[component]
fn PlanSummary(totals: PlanTotals) -> impl IntoView {
    let prefs = preferences();
    let parts = move || {
        let words = prefs.words();
        let parts = [
            (totals.moved as u64, words.reset_sum_moved_count, "moved"),
            (totals.stays as u64, words.reset_sum_stays_count, "stays"),
            (totals.reread, words.reset_sum_reread_count, "reread"),
            (totals.skipped, words.reset_sum_skipped_count, "skipped"),
            (totals.clamped as u64, words.reset_sum_clamped_count, "clamped"),
        ];
        let shown = parts.into_iter().filter(|(n, _, what)| *n > 0 || *what == "moved");
        let part = |(n, words, what): (u64, Plural<&'static str>, &'static str)| {
            let word = words.of(n);
            view! {
                <span data-what=what>
                    <b>{number(n, prefs.language())}</b>
                    " "
                    {word}
                </span>
            }
        };
        shown.map(part).collect::<Vec<_>>()
    };
    view! {
        <p
            class="reset-sum"
            data-testid="reset-sum"
            data-moved=totals.moved
            data-stays=totals.stays
            data-reread=totals.reread
            data-skipped=totals.skipped
            data-clamped=totals.clamped
        >
            {parts}
        </p>
    }
}

/// The outcome of applying or undoing the plan.
#[component]
fn Outcome(screen: GroupScreen, step: Memo<ResetStep>) -> impl IntoView {
    let prefs = preferences();
    let error = move || screen.reset(|reset| reset.error().map(|error| error.message.clone()));
    let message = move || {
        let words = prefs.words();
        match step.get() {
            ResetStep::Done => {
                let n = screen.reset(|reset| reset.totals().moved) as u64;
                words.reset_done_count.count(n, &number(n, prefs.language()))
            }
            ResetStep::Undone => words.reset_undone.to_owned(),
            ResetStep::Undoing => words.reset_undoing.to_owned(),
            ResetStep::Unknown => words.reset_unknown.to_owned(),
            _ => format!("{} {}", words.reset_refused, error().unwrap_or_default()),
        }
    };
    let is_refused = move || step.get() == ResetStep::Refused;
    view! {
        <p class="reset-said" data-testid="reset-said" role="status">
            {message}
        </p>
        <div class="actions">
            <Show when=is_refused>
                <button
                    type="button"
                    class="button primary"
                    data-testid="reset-again"
                    on:click=move |_| screen.plan_again()
                >
                    {prefs.text(|w| w.reset_plan_again)}
                </button>
            </Show>
            <UndoActions screen=screen step=step />
            <button
                type="button"
                class="button quiet"
                data-testid="reset-change"
                disabled=move || step.get().is_waiting()
                on:click=move |_| screen.back_to_choosing()
            >
                {prefs.text(|w| w.reset_another)}
            </button>
        </div>
    }
}

/// Buttons to undo the last reset and to save the previous offsets, while there is a reset to undo.
#[component]
pub fn UndoActions(screen: GroupScreen, step: Memo<ResetStep>) -> impl IntoView {
    let prefs = preferences();
    let change_blocked = change_blocked(protocol::Action::Alter, ObjectKind::Group, screen.name);
    let can_undo = Memo::new(move |_| screen.reset(|reset| reset.undoable().is_some()));
    let was_refused = move || step.get() == ResetStep::Refused;
    let is_disabled = move || step.get().is_waiting() || change_blocked().is_some();
    let save = move |_| {
        let Some(lines) = untrack(|| screen.reset(Reset::old_positions)) else { return };
        let mut file = FileParts::new();
        file.push(&lines);
        file.save(&format!("{}-offsets.csv", screen.name()), "text/csv");
    };
    view! {
        <Show when=move || can_undo.get()>
            <button
                type="button"
                class="button"
                data-testid="undo"
                title=prefs.text(|w| w.reset_undo_hint)
                disabled=is_disabled
                on:click=move |_| screen.undo()
            >
                {prefs.text(|w| w.reset_undo)}
            </button>
            <Show when=was_refused>
                <button
                    type="button"
                    class="button"
                    data-testid="reset-plan-old"
                    disabled=is_disabled
                    on:click=move |_| screen.plan_old_positions()
                >
                    {prefs.text(|w| w.reset_plan_old)}
                </button>
            </Show>
            <button
                type="button"
                class="button quiet"
                data-testid="reset-save-old"
                title=prefs.text(|w| w.reset_save_old_hint)
                on:click=save
            >
                {prefs.text(|w| w.reset_save_old)}
            </button>
        </Show>
    }
}
