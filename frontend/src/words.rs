//! Every visible word, in both languages side by side: a key without its Italian does not compile. Names of Kafka's own
//! things stay as Kafka has them.
//!
//! `leptos_i18n` was tried first: for two languages and a few plurals it adds some 30 crates, ICU data and a YAML parser
//! among them, to a page whose size is counted in kilobytes.

use page_model::Language;

#[macro_use]
mod admin;
#[macro_use]
mod groups;
#[macro_use]
mod safety;

macro_rules! words {
    ($($key:ident: $english:literal, $italian:literal;)*) => {
        /// The words of one language. `{…}` stands for a value, filled in by [`fill`].
        pub struct Words { $(pub $key: &'static str,)* }

        static ENGLISH: Words = Words { $($key: $english,)* };
        static ITALIAN: Words = Words { $($key: $italian,)* };

        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($key), $english, $italian),)*];
    };
}

pub fn of(language: Language) -> &'static Words {
    match language {
        Language::En => &ENGLISH,
        Language::It => &ITALIAN,
    }
}

/// Puts values in the places of their names.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        rest = behind;
    }
    text.push_str(rest);
    text
}

/// `1 record`, `2 records`: of the two forms the one for this count, with `{n}` filled in.
pub fn count(one: &str, many: &str, n: u64, shown: &str) -> String {
    fill(if n == 1 { one } else { many }, &[("n", shown)])
}

with_safety_words! { words {
    // The frame of the page.
    page_title: "Ponte", "Ponte";
    views: "Views", "Viste";
    nav_live: "Live", "Dal vivo";
    nav_topics: "Topics", "Topic";
    nav_groups: "Groups", "Gruppi";
    nav_cluster: "Cluster", "Cluster";
    read_only: "Read-only", "Sola lettura";
    read_only_hint: "This bridge was started with --read-only: it changes nothing in Kafka", "Questo bridge è stato avviato con --read-only: non cambia nulla in Kafka";
    language_switch: "Passa all'italiano", "Switch to English";
    language_short: "IT", "EN";
    theme_system: "Theme: as the system", "Tema: come il sistema";
    theme_light: "Theme: light", "Tema: chiaro";
    theme_dark: "Theme: dark", "Tema: scuro";
    close: "Close", "Chiudi";
    what_is: "What is {thing}?", "Che cos'è: {thing}?";

    // Connection to the bridge.
    link_connecting: "Connecting…", "Connessione…";
    link_open: "Connected", "Connesso";
    link_waiting: "Next try in {n} s", "Nuovo tentativo tra {n} s";
    link_closed: "Disconnected", "Disconnesso";
    try_now: "Try now", "Riprova ora";
    reload: "Reload the page", "Ricarica la pagina";
    banner_lost: "The bridge does not answer.", "Il bridge non risponde.";
    banner_shutting_down: "The bridge was shut down.", "Il bridge è stato spento.";
    banner_lost_next: "Next try in {n} s. Listening goes on by itself.", "Nuovo tentativo tra {n} s. L'ascolto riprende da solo.";
    banner_lost_waiting_one: "{n} record sent has no answer yet.", "{n} record inviato è senza risposta.";
    banner_lost_waiting_many: "{n} records sent have no answer yet.", "{n} record inviati sono senza risposta.";
    banner_reconnecting: "Trying to reach it now…", "Provo a raggiungerlo ora…";
    banner_closed: "The bridge ended the connection: {reason}.", "Il bridge ha chiuso la connessione: {reason}.";
    banner_closed_next: "Trying again would end the same way.", "Riprovare darebbe lo stesso esito.";
    close_4506: "this page is of another version than the bridge", "questa pagina è di un'altra versione";
    close_4504: "it has too many connections", "ha troppe connessioni";
    token_asked: "This bridge asks for its access token.", "Questo bridge chiede il suo token di accesso.";
    token_wrong: "The bridge refused this access token.", "Il bridge ha rifiutato questo token di accesso.";
    token_next: "Whoever started it has it. This tab keeps it until it is closed.",
        "Lo ha chi lo ha avviato. Questa scheda lo tiene finché resta aperta.";
    token_above: "Give it above.", "Inseriscilo qui sopra.";
    token: "Access token", "Token di accesso";
    token_give: "Connect", "Connetti";
    close_forbidden: "it refuses this page", "rifiuta questa pagina";
    close_other: "code {code}", "codice {code}";

    // Kafka.
    broker_unknown: "Kafka: not known yet", "Kafka: non si sa ancora";
    broker_demo: "Demo broker", "Broker di prova";
    broker_demo_note: "in memory", "in memoria";
    broker_one: "{n} broker", "{n} broker";
    broker_many: "{n} brokers", "{n} broker";
    broker_down: "Kafka is down", "Kafka non risponde";
    banner_kafka: "Kafka does not answer at {servers}.", "Kafka non risponde su {servers}.";
    banner_kafka_next: "The bridge keeps trying; sending and listening go on by themselves when it is back.",
        "Il bridge continua a provare; invio e ascolto riprendono da soli quando torna.";
    banner_kafka_start: "To start one here: docker compose -f kafka_broker.yaml up -d",
        "Per avviarne uno qui: docker compose -f kafka_broker.yaml up -d";

    // The crossing.
    crossing: "Where the last record's time went", "Dove è passato il tempo dell'ultimo record";
    pier_page: "This page", "Questa pagina";
    pier_bridge: "Bridge", "Bridge";
    pier_kafka: "Kafka", "Kafka";
    pier_ready: "ready", "pronta";
    pier_sent: "sent", "inviato";
    pier_on_its_way: "on its way", "in viaggio";
    pier_connected: "connected", "connesso";
    pier_passed_on: "passed on", "inoltrato";
    pier_away: "not there", "assente";
    pier_down: "down", "non risponde";
    pier_unknown: "not known", "non si sa";
    pier_lost: "outcome unknown", "esito sconosciuto";
    pier_up: "ready", "pronto";
    pier_demo: "demo, in memory", "di prova, in memoria";
    pier_seen: "seen after {ms}", "visto dopo {ms}";
    pier_listening: "listening", "in ascolto";
    pier_not_listening: "not listening", "non in ascolto";
    explain_page: "Your browser. It cannot speak Kafka's protocol, so it sends each record over a WebSocket to the bridge.",
        "Il tuo browser. Non sa parlare il protocollo di Kafka, perciò manda ogni record al bridge su un WebSocket.";
    explain_bridge: "A small server with Kafka's real client inside. It passes your record on and returns Kafka's answer.",
        "Un piccolo server con dentro il vero client di Kafka. Inoltra il tuo record e riporta la risposta di Kafka.";
    explain_kafka: "The log. A topic is a list split into partitions; a record's number in its partition is its offset.",
        "Il log. Un topic è una lista divisa in partizioni; il numero di un record nella sua partizione è l'offset.";
    explain_back: "Listening, this page is a consumer like any other. A record you sent comes back with a terracotta edge.",
        "In ascolto, questa pagina è un consumer come gli altri. Un record che hai inviato torna con il bordo terracotta.";

    // Send.
    send_title: "Send", "Invia";
    topic: "Topic", "Topic";
    explain_topic: "A named list of records. Where the broker allows it, sending to a new name creates the topic.",
        "Una lista di record con un nome. Se il broker lo permette, inviare a un nome nuovo crea il topic.";
    partition: "Partition", "Partizione";
    explain_partition: "A topic is split into partitions; order holds within one. The same key always goes to the same one.",
        "Un topic è diviso in partizioni; l'ordine vale dentro ciascuna. La stessa chiave va sempre nella stessa.";
    partition_auto: "Auto, by key", "Auto, per chiave";
    partition_fixed: "Number…", "Numero…";
    partition_number: "Partition number", "Numero di partizione";
    key: "Key", "Chiave";
    key_form: "Form of the key", "Forma della chiave";
    value: "Value", "Valore";
    value_form: "Form of the value", "Forma del valore";
    form_null: "null", "null";
    form_text: "text", "testo";
    form_json: "JSON", "JSON";
    json_fault: "No valid JSON: line {line}, column {column}", "JSON non valido: riga {line}, colonna {column}";
    no_key: "no key: any partition", "nessuna chiave: partizione qualsiasi";
    no_value: "null: a tombstone", "null: un tombstone";
    headers: "Headers", "Header";
    header_name: "Name of header {n}", "Nome dell'header {n}";
    header_value: "Value of header {n}", "Valore dell'header {n}";
    header_name_short: "name", "nome";
    header_value_short: "value", "valore";
    header_add: "Add header", "Aggiungi header";
    header_remove: "Remove header {n}", "Togli l'header {n}";
    topic_invalid: "Letters, digits, dots, underscores and hyphens only", "Solo lettere, cifre, punti, trattini e trattini bassi";
    topics_chosen: "Topics chosen", "Topic scelti";
    topics_hint: "Several topics: a comma after each", "Più topic: una virgola dopo ciascuno";
    topic_remove: "Remove topic {topic}", "Togli il topic {topic}";
    send: "Send", "Invia";
    send_ten: "Send 10", "Invia 10";
    send_ten_hint: "Ten messages, one every half second", "Dieci messaggi, uno ogni mezzo secondo";
    cannot_send_offline: "Not connected to the bridge", "Non connesso al bridge";
    cannot_send_read_only: "This bridge is read-only", "Questo bridge è di sola lettura";
    cannot_send_waiting: "Too many records wait for Kafka's answer", "Troppi record attendono la risposta di Kafka";
    cannot_send_draft: "Correct the form first", "Prima correggi il modulo";
    run_active: "A run is under way", "Un invio in serie è in corso";
    more_fields: "All fields", "Tutti i campi";
    fewer_fields: "Fewer fields", "Meno campi";

    // Runs and sent rows.
    run_every: "one every {s}", "uno ogni {s}";
    run_cancel: "Cancel", "Annulla";
    run_sent: "{n} of {total} sent", "{n} di {total} inviati";
    run_acked_one: "{n} acknowledged", "{n} confermato";
    run_acked_many: "{n} acknowledged", "{n} confermati";
    run_seen_one: "{n} seen", "{n} visto";
    run_seen_many: "{n} seen", "{n} visti";
    run_failed_one: "{n} failed", "{n} fallito";
    run_failed_many: "{n} failed", "{n} falliti";
    run_unknown_one: "{n} unknown", "{n} sconosciuto";
    run_unknown_many: "{n} unknown", "{n} sconosciuti";
    run_done: "done", "finito";
    run_cancelled: "cancelled", "annullato";
    run_paused: "waits for the connection", "attende la connessione";
    sent_list: "Sent records", "Record inviati";
    sent_none: "What you send appears here: queued, acknowledged by Kafka, seen again in the live list.",
        "Qui appare quel che invii: in coda, confermato da Kafka, rivisto dal vivo.";
    clear_sent: "Clear", "Svuota";
    state_queued: "queued", "in coda";
    state_acked: "acknowledged", "confermato";
    state_failed: "failed", "fallito";
    state_unknown: "unknown", "sconosciuto";
    state_seen: "seen", "visto";
    unknown_why: "The connection was lost before Kafka's answer came. The record may be in the log.",
        "La connessione è caduta prima della risposta di Kafka. Il record potrebbe essere nel log.";

    // What is sent: forms, files, times.
    tabs: "What to send", "Che cosa inviare";
    tab_one: "One", "Uno";
    tab_run: "Run", "Serie";
    tab_batch: "Batch", "Lotto";
    form_base64: "base64", "base64";
    form_file: "file", "file";
    header_form: "Form of the value of header {n}", "Forma del valore dell'header {n}";
    headers_timestamp: "Headers, timestamp", "Header, timestamp";
    base64_fault: "No base64: line {line}, column {column}", "Base64 non valido: riga {line}, colonna {column}";
    base64_ends: "The base64 ends in the middle of a byte", "Il base64 finisce a metà di un byte";
    base64_placeholder: "bytes in base64, such as 3q2+7w==", "byte in base64, ad esempio 3q2+7w==";
    no_file: "Choose a file, or drop one here", "Scegli un file, o trascinalo qui";
    file_gone: "Choose {name} again: it was too large to remember", "Scegli di nuovo {name}: era troppo grande da ricordare";
    file_remove: "Remove the file", "Togli il file";
    field_size: "{size}", "{size}";
    show_place: "Show", "Mostra";
    format: "Format", "Formatta";
    format_hint: "Indents the JSON. Nothing is changed unless you press this.", "Rientra il JSON. Nulla cambia se non premi qui.";
    record_too_large: "The record has {size}; the bridge takes at most {limit}", "Il record pesa {size}; il bridge ne accetta al massimo {limit}";
    timestamp: "Timestamp", "Timestamp";
    timestamp_now: "now", "adesso";
    timestamp_invalid: "Write milliseconds, or 2025-11-22T20:45:00Z", "Scrivi i millisecondi, o 2025-11-22T20:45:00Z";
    explain_timestamp: "When the record happened. Empty: now. Milliseconds since 1970, or UTC such as 2025-11-22T20:45:00Z.",
        "Quando è avvenuto il record. Vuoto: adesso. Millisecondi dal 1970, oppure UTC come 2025-11-22T20:45:00Z.";

    // Patterns of runs.
    first_json_fault: "The first record would be no valid JSON: line {line}, column {column}",
        "Il primo record non sarebbe JSON valido: riga {line}, colonna {column}";
    place_in_text: "Line {line}, column {column}", "Riga {line}, colonna {column}";
    template_not_closed: "this placeholder has no }} at its end", "questo segnaposto non si chiude con }}";
    template_unknown: "there is no placeholder “{name}”", "non esiste il segnaposto “{name}”";
    template_takes_nothing: "“{name}” stands alone", "“{name}” va da solo";
    template_bad_start: "“i” takes one whole number at most: the first", "“i” accetta al massimo un numero intero: il primo";
    template_bad_bounds: "“random” takes two numbers, the smaller first", "“random” vuole due numeri, prima il minore";
    template_no_choice: "“choice” needs words to choose from", "“choice” vuole parole tra cui scegliere";
    placeholders: "Placeholders", "Segnaposto";
    placeholder_i: "0, 1, 2 …; {{i 100}} begins at 100", "0, 1, 2 …; {{i 100}} comincia da 100";
    placeholder_uuid: "a random UUID", "un UUID casuale";
    placeholder_now: "now, in milliseconds since 1970", "adesso, in millisecondi dal 1970";
    placeholder_now_iso: "now, as 2025-11-22T20:45:00.000Z", "adesso, come 2025-11-22T20:45:00.000Z";
    placeholder_random: "a whole number from 1 to 100; {{random 0.0 9.9}} has one decimal",
        "un numero intero da 1 a 100; {{random 0.0 9.9}} ha un decimale";
    placeholder_choice: "one of the words", "una delle parole";
    placeholders_note: "In key, value and header values, in text and JSON. Each record fills them anew; {{\"{{\"}} writes two braces.",
        "In chiave, valore e valori degli header, in testo e JSON. Ogni record li riempie da capo; {{\"{{\"}} scrive due graffe.";
    run_count: "How many", "Quanti";
    run_endless: "until stopped", "finché non lo fermi";
    explain_run_count: "How many records to send. Without a number the run goes on until you cancel it.",
        "Quanti record inviare. Senza un numero si continua finché non annulli.";
    run_rate: "Per second", "Al secondo";
    run_unlimited: "as fast as possible", "più in fretta possibile";
    explain_run_rate: "2 is one every half second. Without a number: as fast as Kafka acknowledges them.",
        "2 vuol dire uno ogni mezzo secondo. Senza un numero: alla velocità con cui Kafka li conferma.";
    run_start: "Start the run", "Avvia la serie";
    run_title: "Run", "Serie";
    run_held: "paused", "in pausa";
    run_sent_one: "{n} sent", "{n} inviato";
    run_sent_many: "{n} sent", "{n} inviati";
    rate_per_second: "{n} per second", "{n} al secondo";
    latency: "Latency", "Latenza";
    latency_acked: "to acknowledgement", "alla conferma";
    latency_seen: "to the live list", "alla lista dal vivo";
    failed_records: "records {list}", "record {list}";
    sent_newest: "newest {n} listed", "elencati gli ultimi {n}";
    preview: "The first ones", "I primi";
    templates: "Templates", "Modelli";
    template_seed: "messaggio 0 to 9, every 0.5 s", "messaggio da 0 a 9, ogni 0,5 s";
    template_built_in: "built in", "incluso";
    template_name: "Name for this run", "Nome per questa serie";
    template_save: "Save", "Salva";
    template_saved: "Saved “{name}”.", "Salvato “{name}”.";
    template_rename: "Rename “{name}”", "Rinomina “{name}”";
    template_name_taken: "“{name}” is taken or empty.", "“{name}” è già in uso o vuoto.";
    template_delete: "Delete “{name}”", "Elimina “{name}”";
    template_deleted: "Deleted “{name}”.", "Eliminato “{name}”.";
    undo: "Undo", "Ripristina";
    templates_export: "Export as file", "Esporta in un file";
    templates_import: "Import from file", "Importa da un file";
    templates_imported_one: "{n} template imported.", "{n} modello importato.";
    templates_imported_many: "{n} templates imported.", "{n} modelli importati.";
    templates_unreadable: "Not a file of templates: line {line}, column {column}.", "Non è un file di modelli: riga {line}, colonna {column}.";

    // Batches.
    failed_lines: "lines {list}", "righe {list}";
    batch_text: "Records", "Record";
    explain_batch: "Many records at once: a JSON array, JSON Lines, CSV with a line of names, or key and value on each line.",
        "Molti record insieme: un array JSON, JSON Lines, CSV con una riga di nomi, o chiave e valore su ogni riga.";
    batch_placeholder: "Paste records here, or drop a file", "Incolla qui i record, o trascina un file";
    batch_choose_file: "Choose a file…", "Scegli un file…";
    batch_pasted: "pasted text", "testo incollato";
    batch_none: "Paste records or choose a file first", "Prima incolla dei record o scegli un file";
    batch_checking: "Reading…", "Lettura…";
    batch_nothing_good: "There is no record that could be sent", "Non c'è alcun record da inviare";
    batch_send_one: "Send {n} record", "Invia {n} record";
    batch_send_many: "Send {n} records", "Invia {n} record";
    batch_format: "Format", "Formato";
    format_json: "JSON array", "array JSON";
    format_json_lines: "JSON Lines", "JSON Lines";
    format_csv: "CSV", "CSV";
    format_lines: "lines", "righe";
    batch_entries: "Each entry is", "Ogni voce è";
    explain_entries: "A value as it is, or a record with “value” and perhaps “key”, “headers”, “partition”, “timestamp”: what this page exports.",
        "Un valore così com'è, o un record con “value” e magari “key”, “headers”, “partition”, “timestamp”: quel che questa pagina esporta.";
    entries_values: "a value", "un valore";
    entries_records: "a record", "un record";
    batch_separator: "Between key and value", "Tra chiave e valore";
    separator_none: "none: all is value", "nulla: tutto è valore";
    separator_tab: "tab", "tabulazione";
    batch_columns: "Columns", "Colonne";
    column_is: "What column {name} is", "Che cos'è la colonna {name}";
    column_ignored: "ignored", "ignorata";
    column_header: "header", "header";
    column_headers: "all headers (JSON)", "tutti gli header (JSON)";
    batch_empty_null: "Empty values are null (tombstones)", "I valori vuoti sono null (tombstone)";
    batch_keep_partitions: "Keep the partitions of the file", "Mantieni le partizioni del file";
    batch_keep_timestamps: "Keep the timestamps of the file", "Mantieni i timestamp del file";
    batch_good_one: "{n} record", "{n} record";
    batch_good_many: "{n} records", "{n} record";
    batch_faulty_one: "{n} line with a mistake", "{n} riga con un errore";
    batch_faulty_many: "{n} lines with mistakes", "{n} righe con errori";
    batch_left_out: "Lines with mistakes are left out:", "Le righe con errori non vengono inviate:";
    batch_faults: "Mistakes by line", "Errori riga per riga";
    batch_line: "line {n}", "riga {n}";
    batch_more_faults: "and {n} more", "e altre {n}";
    line_json: "no valid JSON, column {column}", "JSON non valido, colonna {column}";
    line_array_end: "the array is not closed here, or something follows it", "qui l'array non si chiude, o è seguito da altro";
    line_not_a_record: "no record: {why}", "non è un record: {why}";
    line_base64: "a base64 that cannot be read", "un base64 illeggibile";
    line_partition: "“{text}” is no partition", "“{text}” non è una partizione";
    line_timestamp: "“{text}” is no timestamp", "“{text}” non è un timestamp";
    line_headers: "headers are a list of [name, value]", "gli header sono una lista di [nome, valore]";
    line_no_separator: "no {separator} in it", "non contiene {separator}";
    line_columns: "{n} columns, not as many as the first line", "{n} colonne, non quante la prima riga";
    line_too_large: "too large: {n} bytes", "troppo grande: {n} byte";

    // A record that was read, sent again.
    replay: "Replay", "Reinvia";
    replay_hint: "Send it again as it is: same key, value and headers, timestamp now", "Reinvialo così com'è: stessa chiave, valore e header, timestamp adesso";
    replay_edit: "Edit and send", "Modifica e invia";
    replay_edit_hint: "Puts it into the form; nothing is sent until you send it", "Lo mette nel modulo; nulla parte finché non lo invii";
    same_partition: "same partition", "stessa partizione";
    keys_replay: "Put the opened record into the form, to send it again", "Metti il record aperto nel modulo, per reinviarlo";

    // Live.
    live_title: "Live", "Dal vivo";
    read_mode: "How to read", "Come leggere";
    mode_group: "Group", "Gruppo";
    mode_watch: "Watch", "Osserva";
    mode_group_hint: "Joins a consumer group: positions are committed, partitions shared with its other members.",
        "Entra in un gruppo di consumer: le posizioni sono salvate, le partizioni divise con gli altri membri.";
    mode_watch_hint: "Only looks on: no group, nothing is committed.", "Guarda soltanto: nessun gruppo, niente viene salvato.";
    group: "Group", "Gruppo";
    explain_group: "Consumers with the same group name share the partitions. Kafka remembers how far the group has read.",
        "I consumer con lo stesso nome di gruppo si dividono le partizioni. Kafka ricorda fin dove il gruppo ha letto.";
    start: "From", "Da";
    start_group_hint: "Where the group begins if it has no position yet", "Da dove comincia il gruppo se non ha ancora una posizione";
    start_watch_hint: "Where to begin reading", "Da dove cominciare a leggere";
    start_earliest: "earliest", "dall'inizio";
    start_latest: "latest", "da ora";
    start_last: "the last", "gli ultimi";
    start_last_label: "How many records of each partition", "Quanti record di ogni partizione";
    start_offset: "offset", "offset";
    start_offset_label: "An offset of every partition, or partition@offset", "Un offset di ogni partizione, o partizione@offset";
    start_time: "time", "ora";
    start_fault: "Say where to begin", "Indica da dove cominciare";
    explain_mode: "Group: this page joins a consumer group; Kafka shares the partitions among its members and remembers how far they read. Watch: it only looks on, from wherever you like; nothing is committed.",
        "Gruppo: la pagina entra in un gruppo di consumer; Kafka divide le partizioni tra i membri e ricorda fin dove hanno letto. Osserva: guarda soltanto, da dove vuoi; niente viene salvato.";
    partitions_one: "{n} partition", "{n} partizione";
    partitions_many: "{n} partitions", "{n} partizioni";
    lag_word: "lag", "di ritardo";
    place_next: "Next", "Prossimo";
    place_committed: "Committed", "Salvato";
    place_end: "End", "Fine";
    lag: "Lag", "Ritardo";
    lag_hint: "Records in Kafka that the group has not committed", "Record in Kafka che il gruppo non ha ancora salvato";
    rebalances_one: "{n} rebalance", "{n} redistribuzione";
    rebalances_many: "{n} rebalances", "{n} redistribuzioni";
    chart_rate: "Records a second over the last minute, at most {n}", "Record al secondo nell'ultimo minuto, al massimo {n}";
    chart_seen: "Sent to seen, the last {n}: {ms}", "Da inviato a visto, gli ultimi {n}: {ms}";
    listen: "Start listening", "Ascolta";
    listen_starting: "Starting…", "Avvio…";
    listen_stop: "Stop listening", "Ferma l'ascolto";
    listen_stopping: "Stopping…", "Arresto…";
    stop_to_change: "Stop listening to change this", "Ferma l'ascolto per cambiarlo";
    status_idle: "Not listening", "Non in ascolto";
    status_starting: "Starting to listen on '{topic}'…", "Avvio l'ascolto su '{topic}'…";
    status_offline: "Will listen on '{topic}' when the bridge is back", "In ascolto su '{topic}' appena torna il bridge";
    status_listening: "Listening on '{topic}'", "In ascolto su '{topic}'";
    status_joining: "Joining group {group} on '{topic}'…", "Entro nel gruppo {group} su '{topic}'…";
    status_stopping: "Stopping…", "Arresto…";
    partitions_read: "partitions {list}", "partizioni {list}";
    filter: "Filter: text in key or value", "Filtra: testo nella chiave o nel valore";
    filter_pattern: "Regular expression", "Espressione regolare";
    filter_pattern_hint: "Regular expression: a|b ignores case, /a|b/ is taken as written", "Espressione regolare: a|b ignora le maiuscole, /a|b/ vale così com'è";
    filter_more: "Filters", "Filtri";
    filter_header: "Header, or header=text", "Header, o header=testo";
    filter_path: "JSON path or condition", "Percorso JSON o condizione";
    filter_since: "Since", "Dalle";
    filter_until: "Until", "Alle";
    fault_pattern: "Not applied. {why}", "Non applicata. {why}";
    fault_numbers: "“{piece}” is no number or range such as 10-20", "“{piece}” non è un numero né un intervallo come 10-20";
    fault_backwards: "The range ends before it begins", "L'intervallo finisce prima di cominciare";
    fault_time: "No date and time", "Data e ora non valide";
    fault_path: "Not applied: cannot be read from character {at} on", "Non applicato: illeggibile dal carattere {at} in poi";
    list_settings: "View", "Vista";
    columns: "Columns", "Colonne";
    keep_records: "Keep at most", "Tieni al massimo";
    keep_memory: "Memory for records", "Memoria per i record";
    commit: "Commit the group's positions", "Conferma le posizioni del gruppo";
    commit_hint: "In a group. Without it the group stays where it was (enable.auto.commit=false). From the next start.",
        "In un gruppo. Senza, il gruppo resta dov'era (enable.auto.commit=false). Dal prossimo avvio.";
    skip_ahead: "Skip ahead when too slow", "Salta avanti se troppo lenta";
    skip_ahead_hint: "When watching only: the newest records and a gap, instead of falling behind. From the next start.",
        "Solo quando si osserva: i record più nuovi e un vuoto, invece di restare indietro. Dal prossimo avvio.";
    scanned_one: "searched", "esaminato";
    scanned_many: "searched", "esaminati";
    behind: "behind", "da ricevere";
    behind_hint: "Records that Kafka has and this page has not received yet", "Record che Kafka ha e questa pagina non ha ancora ricevuto";
    per_second: "/s", "/s";
    empty_searching: "Searching…", "Cerco…";
    pause: "Pause", "Pausa";
    resume: "Resume", "Riprendi";
    pause_hint: "Holds the display; records go on arriving", "Ferma la vista; i record continuano ad arrivare";
    clear: "Clear", "Svuota";
    received_one: "received", "ricevuto";
    received_many: "received", "ricevuti";
    kept_one: "kept", "tenuto";
    kept_many: "kept", "tenuti";
    matching_one: "matches", "corrisponde";
    matching_many: "match", "corrispondono";
    missing_one: "missing", "non mostrato";
    missing_many: "missing", "non mostrati";
    kept_hint: "The newest records are kept, up to the limit chosen; older ones leave the list", "Si tengono i record più recenti, fino al limite scelto; i più vecchi lasciano la lista";
    records: "Records", "Record";
    column_time: "Time", "Ora";
    column_partition: "Part.", "Part.";
    column_width: "Width of the column {column}", "Larghezza della colonna {column}";
    column_width_hint: "Drag, or use the arrow keys; double-click for the usual width", "Trascina o usa le frecce; doppio clic per la larghezza solita";
    column_offset: "Offset", "Offset";
    explain_offset: "partition@offset: where the record lies. Offsets count up within a partition and never change.",
        "partizione@offset: dove sta il record. Gli offset crescono dentro una partizione e non cambiano mai.";
    column_key: "Key", "Chiave";
    column_value: "Value", "Valore";
    column_size: "Size", "Byte";
    tombstone: "tombstone (null value)", "tombstone (valore null)";
    empty_value: "empty (0 bytes)", "vuoto (0 byte)";
    binary: "binary", "binario";
    new_one: "{n} new, jump to latest", "{n} nuovo, vai all'ultimo";
    new_many: "{n} new, jump to latest", "{n} nuovi, vai agli ultimi";
    jump_latest: "Jump to latest", "Vai agli ultimi";
    gap_slow_one: "1 record not shown: offset {from}, this page was too slow", "1 record non mostrato: offset {from}, questa pagina era troppo lenta";
    gap_slow_many: "{n} records not shown: offsets {from} to {to}, this page was too slow",
        "{n} record non mostrati: offset da {from} a {to}, questa pagina era troppo lenta";
    gap_loading: "Loading: {n} records to go, from offset {from}", "Carico: mancano {n} record, dall'offset {from}";
    gap_load: "Load them", "Caricali";
    gap_stop: "Stop", "Basta";
    gap_retention_one: "1 record gone: offset {from}, Kafka has deleted it", "1 record perduto: offset {from}, Kafka l'ha cancellato";
    gap_retention_many: "{n} records gone: offsets {from} to {to}, Kafka has deleted them",
        "{n} record perduti: offset da {from} a {to}, Kafka li ha cancellati";
    gap_recreated: "The topic was deleted and created again; offsets begin anew", "Il topic è stato cancellato e ricreato; gli offset ricominciano";

    // Why the list is empty.
    empty_idle: "Not listening yet", "Non sei ancora in ascolto";
    empty_idle_next: "Start listening, then press Send 10: records appear here as they arrive, your own with a terracotta edge.",
        "Avvia l'ascolto, poi premi Invia 10: i record appaiono qui appena arrivano, i tuoi con il bordo terracotta.";
    empty_stopped: "Stopped", "Ascolto fermo";
    empty_waiting: "Listening on '{topic}': nothing has come yet", "In ascolto su '{topic}': ancora niente";
    empty_waiting_next: "Connected, 0 received. Whatever is sent to the topic appears here at once.",
        "Connesso, 0 ricevuti. Quel che viene inviato al topic appare qui subito.";
    empty_no_record: "Listening: '{topic}' is empty", "In ascolto: '{topic}' è vuoto";
    empty_no_record_next: "There is no record in it. Send the first one, from here or from elsewhere: it appears at once.",
        "Non contiene alcun record. Invia il primo, da qui o da altrove: appare subito.";
    empty_new_group: "Listening: nothing new for group {group}", "In ascolto: niente di nuovo per il gruppo {group}";
    empty_new_group_next: "The group has read everything that is there. What is sent from now on appears at once.",
        "Il gruppo ha già letto tutto quel che c'è. Quel che arriva da ora appare subito.";
    empty_new: "Listening on '{topic}': nothing new yet", "In ascolto su '{topic}': ancora niente di nuovo";
    empty_new_next: "There are older records. What is sent from now on appears at once.",
        "Ci sono record più vecchi. Quel che arriva da ora appare subito.";
    empty_watch_all: "Watch from earliest", "Osserva dall'inizio";
    empty_joining: "Joining group {group}…", "Entro nel gruppo {group}…";
    empty_joining_next: "Kafka shares the partitions among the members. That takes seconds; up to a minute when a member has vanished.",
        "Kafka divide le partizioni tra i membri. Ci vogliono secondi; fino a un minuto se un membro è sparito.";
    empty_no_partition: "This member has no partition", "Questo membro non ha partizioni";
    empty_no_partition_next: "Other members of group {group} read all of them. When one leaves, its partitions come here.",
        "Le leggono tutte gli altri membri del gruppo {group}. Quando uno esce, le sue arrivano qui.";
    empty_held: "The list is paused", "La lista è in pausa";
    empty_held_next: "{n} records have come meanwhile.", "Nel frattempo sono arrivati {n} record.";
    empty_filtered: "Nothing matches the filter", "Niente corrisponde al filtro";
    empty_filtered_next: "Looked through {n} records.", "Esaminati {n} record.";
    empty_filter_clear: "Remove the filter", "Togli il filtro";
    empty_offline: "No connection to the bridge", "Nessuna connessione al bridge";
    empty_offline_next: "Listening goes on by itself when it is back.", "L'ascolto riprende da solo quando torna.";
    empty_no_broker: "Kafka does not answer", "Kafka non risponde";
    empty_no_broker_next: "Listening goes on by itself when Kafka is back.", "L'ascolto riprende da solo quando Kafka torna.";
    topic_missing: "Topic '{topic}' does not exist yet", "Il topic '{topic}' non esiste ancora";
    topic_missing_next: "Its records appear here as soon as it does. Sending to it creates it, where the broker allows that.",
        "I suoi record appaiono qui appena esiste. Inviare un record lo crea, se il broker lo permette.";
    problem_listening: "Listening is hindered", "L'ascolto è ostacolato";
    problem_refused: "The bridge could not start listening", "Il bridge non ha potuto avviare l'ascolto";

    // One record.
    detail: "Record {place}", "Record {place}";
    detail_close: "Close the record (Esc)", "Chiudi il record (Esc)";
    offset: "Offset", "Offset";
    time: "Time", "Ora";
    time_create: "set by the producer", "messa dal producer";
    time_append: "set by the broker", "messa dal broker";
    time_none: "none", "nessuna";
    size: "Size", "Dimensione";
    size_parts: "key {key}, value {value}", "chiave {key}, valore {value}";
    sent_by: "Sent by", "Inviato da";
    sent_by_page: "this page, seen in {ms}", "questa pagina, visto in {ms}";
    headers_none: "none", "nessuno";
    copy_value: "Copy value", "Copia il valore";
    copy_key: "Copy key", "Copia la chiave";
    copy_record: "Copy record", "Copia il record";
    record_link: "Link", "Link";
    record_link_hint: "The address of this record: opens the page at its offset", "L'indirizzo di questo record: apre la pagina al suo offset";
    detail_previous: "Previous record (↑)", "Record precedente (↑)";
    detail_next: "Next record (↓)", "Record successivo (↓)";
    form_bytes: "bytes", "byte";
    value_shown_as: "How the value is shown", "Come mostrare il valore";
    fold_all: "Fold all", "Chiudi tutto";
    unfold_all: "Unfold all", "Apri tutto";
    shown_lines: "{shown} of {size} lines are shown; copying takes all.", "Mostrate {shown} righe su {size}; la copia le prende tutte.";
    show_more: "Show more", "Mostra altro";
    export: "Export", "Esporta";
    export_jsonl: "JSON Lines", "JSON Lines";
    export_csv: "CSV", "CSV";
    export_hint: "What is kept and matches the filter. JSON Lines can be sent again without loss.",
        "Quel che è tenuto e corrisponde al filtro. I JSON Lines si possono reinviare senza perdite.";
    copied: "Copied", "Copiato";
    copy_failed: "The browser did not allow copying", "Il browser non ha permesso di copiare";
    shown_part: "The first {shown} of {size} are shown; copying takes all.", "Sono mostrati i primi {shown} di {size}; la copia li prende tutti.";

    // Messages.
    not_utf8: "The file is not UTF-8 text: save it as UTF-8 (Excel: CSV UTF-8) and choose it again",
        "Il file non è testo UTF-8: salvalo come UTF-8 (Excel: CSV UTF-8) e sceglilo di nuovo";
    refused: "The bridge refused a request", "Il bridge ha rifiutato una richiesta";
    unreadable: "The bridge sent something this page cannot read; reload it", "Il bridge ha inviato qualcosa che questa pagina non sa leggere; ricaricala";

    // Keys.
    shortcuts: "Keyboard shortcuts", "Scorciatoie da tastiera";
    keys_send: "Send the record", "Invia il record";
    keys_filter: "Go to the filter", "Vai al filtro";
    keys_pause: "Pause or resume the list", "Ferma o riprendi la lista";
    keys_move: "Move through the records", "Scorri i record";
    keys_open: "Open the record", "Apri il record";
    keys_ends: "First and latest record", "Primo e ultimo record";
    keys_close: "Close what is open", "Chiudi ciò che è aperto";
    keys_help: "Show this list", "Mostra questo elenco";
    keys_space: "Space", "Spazio";
    keys_enter: "Enter", "Invio";
    keys_ctrl: "Ctrl", "Ctrl";
}}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_places_of_their_names() {
        assert_eq!(fill("{n} of {total} {x}!", &[("total", "10"), ("n", "{total}")]), "{total} of 10 !");
        assert_eq!(fill("no place", &[("n", "1")]), "no place");
        assert_eq!(fill("cut {off", &[]), "cut ");
    }

    #[test]
    fn both_languages_have_the_same_places() {
        let places = |text: &str| {
            let mut names: Vec<String> =
                text.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0.to_owned())).collect();
            names.sort();
            names
        };
        for (key, english, italian) in ALL {
            assert_eq!(places(english), places(italian), "{key}");
            assert!(!english.is_empty() && !italian.is_empty(), "{key}");
        }
    }
}
