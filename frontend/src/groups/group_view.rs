//! One consumer group: its state and lag, its partitions and members, and the actions on it.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{Action, DeleteGroup, GroupId, GroupKind, GroupProtocol, shown_name};

use crate::context::navigation::{STARTS, href, link_href};
use crate::context::request_error::{ObjectKind, change_blocked, listen_blocked_text};
use crate::context::{navigation, preferences, store};
use crate::groups::group_screen::GroupScreen;
use crate::groups::group_tables::{MemberTable, PlanTable, PositionTable};
use crate::groups::lag_chart::{LagChart, LagTrend};
use crate::groups::reset_panel::ResetPanel;
use crate::i18n::Words;
use crate::ui::confirm_dialog::Confirmation;
use crate::ui::confirm_dialog::confirmations;
use crate::ui::explain::Explain;
use crate::ui::format::number;
use crate::ui::fresh::fresh;
use crate::ui::view_frame::{EmptyState, Freshness, LoadingState, ViewTitle};
use page_model::{Address, Intent, ReadMode, ReadState, ResetStep, Start, View, ViewLink};

/// The contents of the view.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    LoadingState,
    Missing,
    Group,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tab {
    Partitions,
    Members,
    Plan,
}

/// An explanation of a group state. `state`: Kafka's name of the state.
pub fn state_hint(state: &str, words: &'static Words) -> &'static str {
    match state {
        "Stable" => words.state_hint_stable,
        "Empty" => words.state_hint_empty,
        "Dead" => words.state_hint_dead,
        "Unknown" => words.state_hint_unknown,
        _ => words.state_hint_rebalancing,
    }
}

pub fn protocol_name(protocol: Option<GroupProtocol>) -> &'static str {
    match protocol {
        Some(GroupProtocol::Classic) => GroupKind::Classic.name(),
        Some(GroupProtocol::Consumer) => GroupKind::Consumer.name(),
        None => "",
    }
}

pub fn kind_hint(kind: GroupKind, words: &'static Words) -> &'static str {
    match kind {
        GroupKind::Classic => words.protocol_classic_hint,
        GroupKind::Consumer => words.protocol_consumer_hint,
        GroupKind::Share => words.kind_share_hint,
        GroupKind::Streams => words.kind_streams_hint,
        GroupKind::Other => words.kind_other_hint,
    }
}

#[component]
pub fn GroupView(name: String) -> impl IntoView {
    let prefs = preferences();
    let screen = GroupScreen::open(name.clone());
    let reset_is_open = RwSignal::new(false);
    let shown = Memo::new(move |_| match screen.snapshot(|group| (group.is_known(), group.is_missing())) {
        (false, _) => Shown::LoadingState,
        (true, true) => Shown::Missing,
        (true, false) => Shown::Group,
    });
    let missing_title = {
        let name = name.clone();
        move || prefs.words().group_missing.with_group(&shown_name(&name))
    };
    let missing_title = Signal::derive(missing_title);
    view! {
        <section
            class="group-view"
            data-testid="group-view"
            data-group=name.clone()
            data-state=move || screen.snapshot(|group| group.state.clone())
            data-lag=move || screen.snapshot(|group| group.lag)
            data-members=move || screen.snapshot(|group| group.members().len())
            data-partitions=move || screen.snapshot(|group| group.partitions())
            aria-labelledby="view-title"
        >
            <header class="view-head">
                <ViewTitle
                    title=Signal::derive(move || shown_name(&screen.name()).into_owned())
                    parent=(href(&Address::of(View::Groups)), |w| w.nav_groups)
                />
                <Show when=move || shown.get() == Shown::Group>
                    <StatePill screen=screen />
                </Show>
                <Freshness status=screen.status />
                <span class="spacer"></span>
                <Show when=move || shown.get() == Shown::Group>
                    <Actions screen=screen reset_is_open=reset_is_open />
                </Show>
            </header>
            {fresh(move || match shown.get() {
                Shown::LoadingState => {
                    view! { <LoadingState status=screen.status loading=|w| w.group_loading /> }.into_any()
                }
                Shown::Missing => {
                    let next = Signal::derive(move || prefs.words().group_missing_next.to_owned());
                    view! { <EmptyState reason="missing" title=missing_title next=next /> }.into_any()
                }
                Shown::Group => view! { <Body screen=screen reset_is_open=reset_is_open /> }.into_any(),
            })}
        </section>
    }
}

#[component]
fn StatePill(screen: GroupScreen) -> impl IntoView {
    let prefs = preferences();
    let state = Memo::new(move |_| screen.snapshot(|group| group.state.clone()));
    let kind = Memo::new(move |_| screen.snapshot(|group| group.kind));
    let state_title = move || state.with(|state| state_hint(state, prefs.words()));
    let kind_title = move || kind_hint(kind.get(), prefs.words());
    view! {
        <span class="pill group-state" data-state=move || state.get() title=state_title>
            <i class="dot" aria-hidden="true"></i>
            {move || state.get()}
        </span>
        // Kafka may not report the type.
        <Show when=move || kind.get() != GroupKind::Other>
            <span class="pill" data-testid="group-kind" title=kind_title>
                {move || kind.get().name()}
            </span>
        </Show>
    }
}

/// The actions: browse from the committed offsets, join, delete, reset offsets. A disabled action has the reason as its
/// title.
#[component]
fn Actions(screen: GroupScreen, reset_is_open: RwSignal<bool>) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let (confirmations, navigation) = (confirmations(), navigation());
    let delete_blocked = change_blocked(Action::Delete, ObjectKind::Group, screen.name);
    let change_blocked = change_blocked(Action::Alter, ObjectKind::Group, screen.name);
    let members = Memo::new(move |_| screen.snapshot(|group| group.members().len()));
    // All topics of the group: a member that subscribes to only one of them would leave the others unassigned.
    let topics = Memo::new(move |_| {
        let names = screen.snapshot(|group| group.topics().into_iter().map(|share| share.topic).collect::<Vec<_>>());
        (!names.is_empty()).then(|| names.join(","))
    });
    let live = move |mode: ReadMode, start: Option<Start>| {
        let link = ViewLink {
            topic: topics.get(),
            mode: Some(mode),
            group: Some(screen.name()),
            start,
            ..ViewLink::default()
        };
        link_href(&link)
    };
    let cannot_read = move |mode: ReadMode| {
        let start = if mode == ReadMode::Watch { Start::Committed } else { Start::default() };
        let topics: Vec<String> = topics.get().iter().flat_map(|topics| topics.split(',')).map(str::to_owned).collect();
        let intent = Intent { topics, mode, group: screen.name(), start, ..Intent::default() };
        let blocked = store.read(|state| state.listen_blocked(&intent));
        blocked.map(|blocked| listen_blocked_text(&blocked, prefs.words()))
    };
    // Absent until the group is known to exist. A memo, since changes are pushed every second.
    let other_kind = Memo::new(move |_| {
        screen.snapshot(|group| (!group.is_consumer_group() && group.is_known()).then_some(group.kind))
    });
    let of_kind = move || other_kind.get().map(|kind| prefs.words().cannot_kind.with_kind(kind.name()));
    let has_odd_name = screen.name.with_value(|name| GroupId::parse(name).is_err());
    let of_name = move || has_odd_name.then(|| prefs.words().cannot_name.to_owned());
    let cannot_browse = move || of_name().or_else(|| cannot_read(ReadMode::Watch));
    let cannot_join = move || of_kind().or_else(of_name).or_else(|| cannot_read(ReadMode::Group));
    let cannot_delete = move || {
        let words = prefs.words();
        let of_members = |n: u64| words.cannot_members_count.count(n, &n.to_string());
        let n = members.get() as u64;
        of_kind().or_else(|| delete_blocked().map(str::to_owned)).or_else(|| (n > 0).then(|| of_members(n)))
    };
    // The reason that is shown beside the buttons for listening is not shown twice.
    let shown_cannot_change = move || change_blocked().filter(|_| of_kind().is_none());
    let cannot_change = move || of_kind().or_else(|| change_blocked().map(str::to_owned));
    let delete = move |_| {
        let (name, words) = (screen.name(), prefs.words_untracked());
        let typed = shown_name(&name).into_owned();
        let on_confirm = move |confirmations: crate::ui::confirm_dialog::Confirmations| {
            let request = DeleteGroup { group: name.clone(), confirm: name.clone() };
            store.request(request, move |reply| {
                let outcome = reply.map(drop);
                if outcome.is_ok() {
                    navigation.open(Address::of(View::Groups));
                }
                confirmations.finish(outcome);
            });
        };
        confirmations.ask(Confirmation {
            title: words.group_delete_title.with_group(&typed),
            text: words.group_delete_text.to_owned(),
            verb: |w| w.group_delete,
            typed: Some(typed),
            needs_connection: true,
            on_confirm: Rc::new(on_confirm),
        });
    };
    view! {
        <Show when=move || topics.with(Option::is_some)>
            <a
                class="button primary"
                data-testid="group-browse"
                href=move || cannot_browse().is_none().then(|| live(ReadMode::Watch, Some(Start::Committed)))
                data-view=STARTS
                role="link"
                aria-disabled=move || cannot_browse().map(|_| "true")
                tabindex=move || cannot_browse().map(|_| "0")
                aria-describedby="cannot-listen"
                title=move || cannot_browse().unwrap_or_else(|| prefs.words().group_browse_hint.to_owned())
            >
                {prefs.text(|w| w.group_browse)}
            </a>
        </Show>
        <a
            class="button"
            data-testid="group-live"
            href=move || cannot_join().is_none().then(|| live(ReadMode::Group, None))
            data-view=STARTS
            role="link"
            aria-disabled=move || cannot_join().map(|_| "true")
            tabindex=move || cannot_join().map(|_| "0")
            aria-describedby="cannot-listen"
            title=move || cannot_join().unwrap_or_else(|| prefs.words().group_join_hint.to_owned())
        >
            {prefs.text(|w| w.group_join)}
        </a>
        <button
            type="button"
            class="button"
            data-testid="delete-group"
            disabled=move || cannot_delete().is_some()
            title=cannot_delete
            aria-describedby="cannot-delete"
            on:click=delete
        >
            {prefs.text(|w| w.group_delete)}
        </button>
        <span id="cannot-delete" class="out-of-sight">
            {cannot_delete}
        </span>
        <button
            type="button"
            class="button"
            id="reset-offsets"
            data-testid="reset-offsets"
            aria-expanded=move || reset_is_open.get().to_string()
            disabled=move || cannot_change().is_some()
            title=cannot_change
            aria-describedby="cannot-change cannot-listen"
            on:click=move |_| reset_is_open.update(|open| *open = !*open)
        >
            {prefs.text(|w| w.reset)}
        </button>
        <span id="cannot-change" class="why-not" data-testid="cannot-change">
            {shown_cannot_change}
        </span>
        // A user who may not browse may not join either.
        <span id="cannot-listen" class="why-not" data-testid="cannot-listen">
            {cannot_join}
        </span>
    }
}

#[component]
fn Body(screen: GroupScreen, reset_is_open: RwSignal<bool>) -> impl IntoView {
    let (prefs, navigation) = (preferences(), navigation());
    // The plan has no URL: it exists in this page only.
    let shows_plan = RwSignal::new(false);
    let tab = Memo::new(move |_| match navigation.detail("tab").as_deref() {
        _ if shows_plan.get() => Tab::Plan,
        Some("members") => Tab::Members,
        _ => Tab::Partitions,
    });
    let step = Memo::new(move |_| screen.reset(|reset| reset.step()));
    let has_plan =
        Memo::new(move |_| matches!(step.get(), ResetStep::Planned | ResetStep::Applying | ResetStep::Refused));
    // Shows a new plan; shows the committed offsets again once the plan is dropped or applied.
    Effect::new(move |_| shows_plan.set(has_plan.get()));
    let partitions = Memo::new(move |_| screen.snapshot(|group| group.partitions()));
    let members = Memo::new(move |_| screen.snapshot(|group| group.members().len()));
    // Memos, so that the table keeps its scroll position while rows are added and removed.
    let has_partitions = Memo::new(move |_| partitions.get() > 0);
    let has_members = Memo::new(move |_| members.get() > 0);
    let lag = move || number(screen.snapshot(|group| group.lag), prefs.language());
    let coordinator = move || {
        screen.snapshot(|group| {
            let broker = group.coordinator.as_ref()?;
            Some(format!("{} ({}:{})", broker.id, broker.host, broker.port))
        })
    };
    let coordinator = Memo::new(move |_| coordinator());
    let not_described =
        Memo::new(move |_| screen.snapshot(|group| group.not_described.as_ref().map(|error| error.message.clone())));
    let assignor = Memo::new(move |_| screen.snapshot(|group| group.assignor.clone().filter(|name| !name.is_empty())));
    let table = move || match tab.get() {
        Tab::Partitions if !has_partitions.get() => view! {
            <EmptyState
                reason="no-positions"
                title=Signal::derive(move || prefs.words().positions_none.to_owned())
                next=Signal::derive(move || prefs.words().positions_none_next.to_owned())
            />
        }
        .into_any(),
        Tab::Partitions => view! { <PositionTable screen=screen /> }.into_any(),
        Tab::Members if !has_members.get() => view! { <NoMembers /> }.into_any(),
        Tab::Members => view! { <MemberTable screen=screen /> }.into_any(),
        Tab::Plan => view! { <PlanTable screen=screen /> }.into_any(),
    };
    let tab_link = move |of: &'static str,
                         this: Tab,
                         testid: &'static str,
                         word: fn(&'static Words) -> &'static str,
                         n: Memo<usize>| {
        let address = Address::of(View::Group(screen.name())).with("tab", of);
        view! {
            <a
                href=href(&address)
                data-view=""
                data-testid=testid
                aria-current=move || (tab.get() == this).then_some("true")
                on:click=move |_| shows_plan.set(false)
            >
                {prefs.text(word)}
                <span class="tab-count">{move || number(n.get() as u64, prefs.language())}</span>
            </a>
        }
    };
    view! {
        <div class="group-facts">
            <p class="lag-now" title=prefs.text(|w| w.group_lag_hint)>
                <span class="muted">{prefs.text(|w| w.lag)}</span>
                <b data-testid="group-lag">{lag}</b>
                <LagTrend screen=screen />
            </p>
            <LagChart screen=screen />
            <dl>
                <Show when=move || coordinator.with(Option::is_some)>
                    <div>
                        <dt>
                            {prefs.text(|w| w.group_coordinator)}
                            <Explain thing=|w| w.group_coordinator text=|w| w.explain_coordinator />
                        </dt>
                        <dd>{move || coordinator.get()}</dd>
                    </div>
                </Show>
                <Show when=move || assignor.with(Option::is_some)>
                    <div>
                        <dt>
                            {prefs.text(|w| w.group_assignor)}
                            <Explain thing=|w| w.group_assignor text=|w| w.explain_assignor />
                        </dt>
                        <dd>{move || assignor.get()}</dd>
                    </div>
                </Show>
            </dl>
        </div>
        <Show when=move || not_described.with(Option::is_some)>
            <p class="muted" data-testid="not-described">
                {move || not_described.get()}
            </p>
        </Show>
        <Show when=move || reset_is_open.get()>
            <ResetPanel screen=screen is_open=reset_is_open />
        </Show>
        <div class="view-tabs">
            <div class="seg links" role="group" aria-label=prefs.text(|w| w.group_tabs)>
                {tab_link("", Tab::Partitions, "tab-partitions", |w| w.tab_partitions, partitions)}
                {tab_link("members", Tab::Members, "tab-members", |w| w.tab_members, members)}
                <Show when=move || has_plan.get()>
                    <button
                        type="button"
                        data-testid="tab-plan"
                        aria-pressed=move || shows_plan.get().to_string()
                        on:click=move |_| shows_plan.set(true)
                    >
                        {prefs.text(|w| w.tab_plan)}
                    </button>
                </Show>
            </div>
        </div>
        <div class="group-table">{fresh(table)}</div>
    }
}

#[component]
fn NoMembers() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let is_demo = Memo::new(move |_| store.read(|state| state.is_demo()));
    let title = move || if is_demo.get() { prefs.words().members_demo } else { prefs.words().members_none };
    let next = move || if is_demo.get() { "" } else { prefs.words().members_none_next };
    view! {
        <EmptyState
            reason="no-members"
            title=Signal::derive(move || title().to_owned())
            next=Signal::derive(move || next().to_owned())
        />
    }
}
