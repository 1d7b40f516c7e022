//! The words of groups and of the offset reset. They are part of the one list in `words.rs`, which hands its own over to be
//! completed.

macro_rules! with_group_words {
    ($list:ident { $($live:tt)* }) => {
        with_admin_words! { $list {
            $($live)*

            // Groups.
            groups_search: "Search: group or topic", "Cerca: gruppo o topic";
            groups_one: "{n} group", "{n} gruppo";
            groups_many: "{n} groups", "{n} gruppi";
            groups_found: "{n} of {total} groups", "{n} di {total} gruppi";
            group_protocol: "Protocol", "Protocollo";
            group_topics: "Topics", "Topic";
            protocol_classic_hint: "Classic: one of the members shares out the partitions", "Classic: è uno dei membri a dividere le partizioni";
            protocol_consumer_hint: "Consumer (KIP-848): the broker shares out the partitions", "Consumer (KIP-848): è il broker a dividere le partizioni";
            state_hint_stable: "Its members share the partitions and read", "I membri si dividono le partizioni e leggono";
            state_hint_empty: "Nobody reads; the positions are kept", "Nessuno legge; le posizioni restano";
            state_hint_rebalancing: "The partitions are being shared out anew", "Le partizioni vengono ridistribuite";
            state_hint_dead: "Kafka has no such group", "Kafka non ha questo gruppo";
            state_hint_unknown: "Kafka does not tell", "Kafka non lo dice";
            not_told: "not told", "non si sa";
            groups_none: "No groups yet", "Ancora nessun gruppo";
            groups_none_next: "A group begins with its first member. Listen in group mode, or start any consumer with a group.id: it appears here.",
                "Un gruppo nasce con il suo primo membro. Ascolta in modalità gruppo, o avvia un consumer con un group.id: appare qui.";
            groups_none_found_next: "Looked at the names of {n} groups and of their topics.", "Ho guardato i nomi di {n} gruppi e dei loro topic.";
            groups_demo: "The demo broker does not list its groups", "Il broker di prova non elenca i suoi gruppi";
            groups_demo_next: "It keeps their positions all the same: a group can be opened by its name.",
                "Ne tiene comunque le posizioni: un gruppo si apre con il suo nome.";
            groups_open_named: "Open {group}", "Apri {group}";

            // One group.
            group_missing: "There is no group {group}", "Il gruppo {group} non esiste";
            group_missing_next: "A group begins with its first member or its first position. When it does, it appears here.",
                "Un gruppo nasce con il primo membro o la prima posizione. Appena nasce, appare qui.";
            group_loading: "Asking Kafka for the group…", "Chiedo a Kafka del gruppo…";
            group_coordinator: "Coordinator", "Coordinatore";
            explain_coordinator: "The broker that keeps the group's positions and knows its members.", "Il broker che tiene le posizioni del gruppo e ne conosce i membri.";
            group_assignor: "Assignor", "Assegnatore";
            explain_assignor: "The rule by which the partitions are shared among the members.", "La regola con cui le partizioni si dividono tra i membri.";
            group_lag_hint: "Records from the group's positions to the ends of the partitions, in all",
                "I record dalle posizioni del gruppo alla fine delle partizioni, in tutto";
            lag_growing: "+{n}/s", "+{n}/s";
            lag_shrinking: "−{n}/s", "−{n}/s";
            lag_caught_up_in: "caught up in about {time}", "recupera in circa {time}";
            lag_steady: "steady", "stabile";
            lag_none: "caught up", "in pari";
            minutes: "{n} min", "{n} min";
            seconds: "{n} s", "{n} s";
            hours: "{n} h", "{n} h";
            chart_lag: "Lag over the last {time}: now {now}, at most {most}", "Ritardo negli ultimi {time}: ora {now}, al massimo {most}";
            group_tabs: "What to show of the group", "Che cosa mostrare del gruppo";
            tab_partitions: "Partitions", "Partizioni";
            tab_members: "Members", "Membri";
            tab_plan: "Plan", "Piano";
            group_position: "Position", "Posizione";
            explain_position: "The next record the group reads: what Kafka remembers as committed.", "Il prossimo record che il gruppo legge: quel che Kafka ricorda come salvato.";
            position_none: "none", "nessuna";
            member: "Member", "Membro";
            member_none: "nobody", "nessuno";
            member_client: "Client", "Client";
            member_host: "Host", "Host";
            member_reads: "Reads", "Legge";
            member_reads_nothing: "nothing", "niente";
            member_share: "{partitions} of {topic}", "{partitions} di {topic}";
            member_id: "Member id", "Id del membro";
            member_static: "static: {name}", "statico: {name}";
            members_none: "No members", "Nessun membro";
            members_none_next: "Nobody reads in this group now. Its positions stay, so that who comes goes on from there.",
                "Ora nessuno legge in questo gruppo. Le posizioni restano: chi arriva riparte da lì.";
            members_demo: "The demo broker does not tell who reads", "Il broker di prova non dice chi legge";
            positions_none: "No positions yet", "Ancora nessuna posizione";
            positions_none_next: "The group has committed nothing, and no member has a partition.", "Il gruppo non ha salvato nulla e nessun membro ha una partizione.";
            group_live: "Join and listen", "Entra e ascolta";
            group_live_hint: "Live view with this group; it joins when you start listening", "Vista dal vivo con questo gruppo; entra quando avvii l'ascolto";
            group_open_hint: "Members, positions and lag of the group {group}", "Membri, posizioni e ritardo del gruppo {group}";
            group_delete: "Delete group", "Elimina gruppo";
            group_delete_title: "Delete group {group}?", "Eliminare il gruppo {group}?";
            group_delete_what: "Deletes the group and its positions. A consumer that comes back begins where its own settings say.",
                "Elimina il gruppo e le sue posizioni. Un consumer che torna comincia da dove dicono le sue impostazioni.";
            cannot_members_one: "It has {n} member: stop it first", "Ha {n} membro: prima fermalo";
            cannot_members_many: "It has {n} members: stop them first", "Ha {n} membri: prima fermali";

            // Offset reset.
            reset: "Reset offsets", "Sposta gli offset";
            reset_what: "First a plan, which changes nothing. Then exactly that plan, or nothing.", "Prima un piano, che non cambia nulla. Poi esattamente quel piano, o niente.";
            reset_to: "Move to", "Sposta a";
            reset_to_earliest: "earliest: everything again", "l'inizio: tutto da capo";
            reset_to_latest: "latest: only what is new", "la fine: solo il nuovo";
            reset_to_time: "a point in time", "un momento nel tempo";
            reset_to_offset: "an offset", "un offset";
            reset_to_shift: "so many records on or back", "tanti record avanti o indietro";
            reset_to_file: "positions of a file (CSV)", "le posizioni di un file (CSV)";
            reset_time: "Date and time", "Data e ora";
            reset_shift: "Records", "Record";
            reset_shift_hint: "−10 goes back ten, 10 skips ten", "−10 torna indietro di dieci, 10 ne salta dieci";
            reset_topic: "Topic", "Topic";
            reset_topic_all: "all of the group", "tutti quelli del gruppo";
            reset_partitions: "Partitions", "Partizioni";
            reset_partitions_all: "all, or 0, 2-4", "tutte, o 0, 2-4";
            reset_lines: "Positions", "Posizioni";
            reset_lines_hint: "topic,partition,offset", "topic,partition,offset";
            reset_plan: "Show the plan", "Mostra il piano";
            reset_plan_again: "Make a new plan", "Fai un nuovo piano";
            reset_change: "Change", "Modifica";
            reset_another: "Another reset", "Un altro spostamento";
            reset_planning: "Asking Kafka where the partitions begin and end…", "Chiedo a Kafka dove cominciano e finiscono le partizioni…";
            reset_apply_one: "Move {n} position", "Sposta {n} posizione";
            reset_apply_many: "Move {n} positions", "Sposta {n} posizioni";
            reset_applying: "Moving the positions…", "Sposto le posizioni…";
            reset_undoing: "Taking the positions back…", "Riporto le posizioni…";
            reset_old: "Old", "Prima";
            reset_new: "New", "Dopo";
            reset_reread: "Read again", "Riletti";
            reset_skipped: "Skipped", "Saltati";
            reset_note: "Note", "Nota";
            reset_stays: "stays", "resta";
            reset_clamped: "beyond the partition: its nearer end", "oltre la partizione: l'estremo più vicino";
            reset_new_position: "had none", "non ne aveva";
            reset_sum_reread_one: "record read again", "record riletto";
            reset_sum_reread_many: "records read again", "record riletti";
            reset_sum_skipped_one: "record skipped", "record saltato";
            reset_sum_skipped_many: "records skipped", "record saltati";
            reset_sum_moved_one: "position moves", "posizione si sposta";
            reset_sum_moved_many: "positions move", "posizioni si spostano";
            reset_sum_stays_one: "stays", "resta";
            reset_sum_stays_many: "stay", "restano";
            reset_sum_clamped_one: "clamped to its partition", "limitata alla partizione";
            reset_sum_clamped_many: "clamped to their partitions", "limitate alle partizioni";
            reset_nothing_moves: "Every position is where the plan would put it.", "Ogni posizione è già dove il piano la metterebbe.";
            reset_members_one: "{n} member reads, and would go on where it is. Stop it, then the plan can be applied: {names}",
                "{n} membro legge e continuerebbe da dov'è. Fermalo, poi il piano si potrà applicare: {names}";
            reset_members_many: "{n} members read, and would go on where they are. Stop them, then the plan can be applied: {names}",
                "{n} membri leggono e continuerebbero da dove sono. Fermali, poi il piano si potrà applicare: {names}";
            reset_member_at: "{client} at {host} ({id})", "{client} su {host} ({id})";
            reset_and_more: "{names} and {n} more", "{names} e altri {n}";
            reset_moved_one: "{n} position has moved since this plan was made, so it is not applied.", "{n} posizione si è mossa da quando il piano è stato fatto, perciò non viene applicato.";
            reset_moved_many: "{n} positions have moved since this plan was made, so it is not applied.", "{n} posizioni si sono mosse da quando il piano è stato fatto, perciò non viene applicato.";
            reset_refused: "Not applied.", "Non applicato.";
            reset_done_one: "{n} position was moved.", "{n} posizione è stata spostata.";
            reset_done_many: "{n} positions were moved.", "{n} posizioni sono state spostate.";
            reset_undone: "The old positions are back.", "Le posizioni di prima sono tornate.";
            reset_unknown: "The connection was lost before the answer came. Whether the positions moved, the partitions below show.",
                "La connessione è caduta prima della risposta. Se le posizioni si sono spostate, lo mostrano le partizioni qui sotto.";
            reset_undo: "Undo", "Annulla lo spostamento";
            reset_undo_hint: "Back to the old positions, unless something has moved them since", "Torna alle posizioni di prima, se nel frattempo nulla le ha mosse";
            reset_save_old: "Save the old positions", "Salva le posizioni di prima";
            reset_save_old_hint: "As a file that this form and kafka-consumer-groups read", "In un file che leggono questo modulo e kafka-consumer-groups";
            reset_plan_old: "Plan to the old positions", "Piano verso le posizioni di prima";
            reset_fault_time: "Choose date and time", "Scegli data e ora";
            reset_fault_offset: "A whole number from 0 on", "Un numero intero da 0 in su";
            reset_fault_shift: "A whole number, not 0", "Un numero intero, non 0";
            reset_fault_file_empty: "Paste lines, or choose a file", "Incolla delle righe, o scegli un file";
            offsets_columns_one: "{n} column instead of topic,partition,offset", "{n} colonna invece di topic,partition,offset";
            offsets_columns_many: "{n} columns instead of topic,partition,offset", "{n} colonne invece di topic,partition,offset";
            offsets_topic: "“{text}” is no topic name", "“{text}” non è il nome di un topic";
            offsets_offset: "“{text}” is no offset", "“{text}” non è un offset";
            offsets_twice: "its partition is on line {n} already", "la sua partizione è già alla riga {n}";
        } }
    };
}
