//! The messages of the coordinators' topics.

use super::RecordType;
use super::layout::{Field, Kind, Message, NEVER, field};

const INT32S: Kind = Kind::Array(&Kind::Int32);
const TEXTS: Kind = Kind::Array(&Kind::Text);

/// `MemberState` of the group coordinator.
const MEMBER_STATES: &[(i8, &str)] =
    &[(0, "STABLE"), (1, "UNREVOKED_PARTITIONS"), (2, "UNRELEASED_PARTITIONS"), (127, "UNKNOWN")];

/// `TransactionState` of the transaction coordinator.
const TRANSACTION_STATES: &[(i8, &str)] = &[
    (0, "Empty"),
    (1, "Ongoing"),
    (2, "PrepareCommit"),
    (3, "PrepareAbort"),
    (4, "CompleteCommit"),
    (5, "CompleteAbort"),
    (6, "Dead"),
    (7, "PrepareEpochFence"),
];

/// Which partitions of a topic, by its name.
const NAMED_PARTITIONS: Kind = Kind::Array(&Kind::Struct(&[field("topic", Kind::Text), field("partitions", INT32S)]));

/// Which partitions of a topic, by its id.
const PARTITIONS: Kind = Kind::Array(&Kind::Struct(&[field("topicId", Kind::Uuid), field("partitions", INT32S)]));

/// The same of the current assignment. Since KIP-1251, it has an epoch for each partition.
const CURRENT_PARTITIONS: Kind = Kind::Array(&Kind::Struct(&[
    field("topicId", Kind::Uuid),
    field("partitions", INT32S),
    field("assignmentEpochs", INT32S).nullable().tagged(0),
]));

const TASKS: Kind = Kind::Array(&Kind::Struct(&[field("subtopologyId", Kind::Text), field("partitions", INT32S)]));

const KEYS_AND_VALUES: Kind = Kind::Array(&Kind::Struct(&[field("key", Kind::Text), field("value", Kind::Text)]));

/// `ConsumerProtocolSubscription`.
const SUBSCRIPTION: Message = Message {
    name: "ConsumerProtocolSubscription",
    versions: (0, 3),
    flexible_since: NEVER,
    fields: &[
        field("topics", TEXTS),
        field("userData", Kind::Bytes).nullable(),
        field("ownedPartitions", NAMED_PARTITIONS).since(1),
        field("generationId", Kind::Int32).since(2),
        field("rackId", Kind::Text).since(3).nullable(),
    ],
};

/// `ConsumerProtocolAssignment`.
const ASSIGNMENT: Message = Message {
    name: "ConsumerProtocolAssignment",
    versions: (0, 3),
    flexible_since: NEVER,
    fields: &[field("assignedPartitions", NAMED_PARTITIONS), field("userData", Kind::Bytes).nullable()],
};

const OFFSET_COMMIT: Message = Message {
    name: "OffsetCommitValue",
    versions: (0, 4),
    flexible_since: 4,
    fields: &[
        field("offset", Kind::Int64),
        field("leaderEpoch", Kind::Int32).since(3),
        field("metadata", Kind::Text),
        field("commitTimestamp", Kind::Time),
        field("expireTimestamp", Kind::Time).only_in(1),
    ],
};

const GROUP_MEMBERS: Kind = Kind::Array(&Kind::Struct(&[
    field("memberId", Kind::Text),
    field("groupInstanceId", Kind::Text).since(3).nullable(),
    field("clientId", Kind::Text),
    field("clientHost", Kind::Text),
    field("rebalanceTimeout", Kind::Int32).since(1),
    field("sessionTimeout", Kind::Int32),
    field("subscription", Kind::ConsumerProtocol(&SUBSCRIPTION)),
    field("assignment", Kind::ConsumerProtocol(&ASSIGNMENT)),
]));

const CLASSIC_MEMBER: Kind = Kind::Struct(&[
    field("sessionTimeoutMs", Kind::Int32),
    field(
        "supportedProtocols",
        Kind::Array(&Kind::Struct(&[
            field("name", Kind::Text),
            field("metadata", Kind::ConsumerProtocol(&SUBSCRIPTION)),
        ])),
    ),
]);

/// The partitions of topics and their racks, which Kafka 4.1 replaced with a hash.
const TOPIC_METADATA: &[Field] = &[field(
    "topics",
    Kind::Array(&Kind::Struct(&[
        field("topicId", Kind::Uuid),
        field("topicName", Kind::Text),
        field("numPartitions", Kind::Int32),
        field(
            "partitionMetadata",
            Kind::Array(&Kind::Struct(&[field("partition", Kind::Int32), field("racks", TEXTS)])),
        ),
    ])),
)];

/// Topics of a share group. The time was added in Kafka 4.1.
const SHARE_TOPICS: Kind = Kind::Array(&Kind::Struct(&[
    field("topicId", Kind::Uuid),
    field("topicName", Kind::Text),
    field("partitions", INT32S),
    field("createTimestamp", Kind::Time),
]));
const SHARE_TOPICS_WITHOUT_TIME: Kind = Kind::Array(&Kind::Struct(&[
    field("topicId", Kind::Uuid),
    field("topicName", Kind::Text),
    field("partitions", INT32S),
]));
const SHARE_TOPICS_TO_DELETE: Kind =
    Kind::Array(&Kind::Struct(&[field("topicId", Kind::Uuid), field("topicName", Kind::Text)]));

const TOPOLOGY_TOPICS: Kind = Kind::Array(&Kind::Struct(&[
    field("name", Kind::Text),
    field("partitions", Kind::Int32),
    field("replicationFactor", Kind::Int16),
    field("topicConfigs", KEYS_AND_VALUES),
]));

const INT16S: Kind = Kind::Array(&Kind::Int16);

const SUBTOPOLOGIES: Kind = Kind::Array(&Kind::Struct(&[
    field("subtopologyId", Kind::Text),
    field("sourceTopics", TEXTS),
    field("sourceTopicRegex", TEXTS),
    field("stateChangelogTopics", TOPOLOGY_TOPICS),
    field("repartitionSinkTopics", TEXTS),
    field("repartitionSourceTopics", TOPOLOGY_TOPICS),
    field(
        "copartitionGroups",
        Kind::Array(&Kind::Struct(&[
            field("sourceTopics", INT16S),
            field("sourceTopicRegex", INT16S),
            field("repartitionSourceTopics", INT16S),
        ])),
    ),
]));

/// A key of Kafka 4's groups: the number at its start is the kind of record.
const fn key(key_type: i16, name: &'static str, fields: &'static [Field]) -> Message {
    Message { name, versions: (key_type, key_type), flexible_since: NEVER, fields }
}

/// A value whose only version is flexible.
const fn value(name: &'static str, fields: &'static [Field]) -> Message {
    Message { name, versions: (0, 0), flexible_since: 0, fields }
}

const GROUP: &[Field] = &[field("groupId", Kind::Text)];
const MEMBER: &[Field] = &[field("groupId", Kind::Text), field("memberId", Kind::Text)];
const PARTITION: &[Field] = &[field("group", Kind::Text), field("topic", Kind::Text), field("partition", Kind::Int32)];
const ASSIGNMENT_EPOCH: &[Field] =
    &[field("assignmentEpoch", Kind::Int32), field("assignmentTimestamp", Kind::Time).tagged(0)];
const TARGET_PARTITIONS: &[Field] = &[field("topicPartitions", PARTITIONS)];

const fn record(
    key_type: i16,
    key_name: &'static str,
    key_fields: &'static [Field],
    values: &'static [Message],
) -> RecordType {
    RecordType { key_type, key: key(key_type, key_name, key_fields), values }
}

pub(super) static CONSUMER_OFFSETS: [RecordType; 25] = [
    record(0, "OffsetCommitKey", PARTITION, &[OFFSET_COMMIT]),
    record(1, "OffsetCommitKey", PARTITION, &[OFFSET_COMMIT]),
    record(
        2,
        "GroupMetadataKey",
        &[field("group", Kind::Text)],
        &[Message {
            name: "GroupMetadataValue",
            versions: (0, 4),
            flexible_since: 4,
            fields: &[
                field("protocolType", Kind::Text),
                field("generation", Kind::Int32),
                field("protocol", Kind::Text).nullable(),
                field("leader", Kind::Text).nullable(),
                field("currentStateTimestamp", Kind::Time).since(2),
                field("members", GROUP_MEMBERS),
            ],
        }],
    ),
    record(
        3,
        "ConsumerGroupMetadataKey",
        GROUP,
        &[value(
            "ConsumerGroupMetadataValue",
            &[
                field("epoch", Kind::Int32),
                field("metadataHash", Kind::Int64).tagged(0),
                field("creationTimeMs", Kind::Time).tagged(1),
            ],
        )],
    ),
    record(
        4,
        "ConsumerGroupPartitionMetadataKey",
        GROUP,
        &[value("ConsumerGroupPartitionMetadataValue", TOPIC_METADATA)],
    ),
    record(
        5,
        "ConsumerGroupMemberMetadataKey",
        MEMBER,
        &[value(
            "ConsumerGroupMemberMetadataValue",
            &[
                field("instanceId", Kind::Text).nullable(),
                field("rackId", Kind::Text).nullable(),
                field("clientId", Kind::Text),
                field("clientHost", Kind::Text),
                field("subscribedTopicNames", TEXTS),
                field("subscribedTopicRegex", Kind::Text).nullable(),
                field("rebalanceTimeoutMs", Kind::Int32),
                field("serverAssignor", Kind::Text).nullable(),
                field("classicMemberMetadata", CLASSIC_MEMBER).nullable().tagged(0),
            ],
        )],
    ),
    record(
        6,
        "ConsumerGroupTargetAssignmentMetadataKey",
        GROUP,
        &[value("ConsumerGroupTargetAssignmentMetadataValue", ASSIGNMENT_EPOCH)],
    ),
    record(
        7,
        "ConsumerGroupTargetAssignmentMemberKey",
        MEMBER,
        &[value("ConsumerGroupTargetAssignmentMemberValue", TARGET_PARTITIONS)],
    ),
    record(
        8,
        "ConsumerGroupCurrentMemberAssignmentKey",
        MEMBER,
        &[value(
            "ConsumerGroupCurrentMemberAssignmentValue",
            &[
                field("memberEpoch", Kind::Int32),
                field("previousMemberEpoch", Kind::Int32),
                field("state", Kind::Name(MEMBER_STATES)),
                field("assignedPartitions", CURRENT_PARTITIONS),
                field("partitionsPendingRevocation", CURRENT_PARTITIONS),
            ],
        )],
    ),
    record(9, "ShareGroupPartitionMetadataKey", GROUP, &[value("ShareGroupPartitionMetadataValue", TOPIC_METADATA)]),
    record(
        10,
        "ShareGroupMemberMetadataKey",
        MEMBER,
        &[value(
            "ShareGroupMemberMetadataValue",
            &[
                field("rackId", Kind::Text).nullable(),
                field("clientId", Kind::Text),
                field("clientHost", Kind::Text),
                field("subscribedTopicNames", TEXTS),
            ],
        )],
    ),
    // Kafka 4.1 added the hash.
    record(
        11,
        "ShareGroupMetadataKey",
        GROUP,
        &[
            value("ShareGroupMetadataValue", &[field("epoch", Kind::Int32), field("metadataHash", Kind::Int64)]),
            value("ShareGroupMetadataValue", &[field("epoch", Kind::Int32)]),
        ],
    ),
    record(
        12,
        "ShareGroupTargetAssignmentMetadataKey",
        GROUP,
        &[value("ShareGroupTargetAssignmentMetadataValue", ASSIGNMENT_EPOCH)],
    ),
    record(
        13,
        "ShareGroupTargetAssignmentMemberKey",
        MEMBER,
        &[value("ShareGroupTargetAssignmentMemberValue", TARGET_PARTITIONS)],
    ),
    record(
        14,
        "ShareGroupCurrentMemberAssignmentKey",
        MEMBER,
        &[value(
            "ShareGroupCurrentMemberAssignmentValue",
            &[
                field("memberEpoch", Kind::Int32),
                field("previousMemberEpoch", Kind::Int32),
                field("state", Kind::Name(MEMBER_STATES)),
                field("assignedPartitions", PARTITIONS),
            ],
        )],
    ),
    record(
        15,
        "ShareGroupStatePartitionMetadataKey",
        GROUP,
        &[
            value(
                "ShareGroupStatePartitionMetadataValue",
                &[
                    field("initializedTopics", SHARE_TOPICS_WITHOUT_TIME),
                    field("deletingTopics", SHARE_TOPICS_TO_DELETE),
                ],
            ),
            value(
                "ShareGroupStatePartitionMetadataValue",
                &[
                    field("initializingTopics", SHARE_TOPICS),
                    field("initializedTopics", SHARE_TOPICS),
                    field("deletingTopics", SHARE_TOPICS_TO_DELETE),
                ],
            ),
        ],
    ),
    record(
        16,
        "ConsumerGroupRegularExpressionKey",
        &[field("groupId", Kind::Text), field("regularExpression", Kind::Text)],
        &[value(
            "ConsumerGroupRegularExpressionValue",
            &[field("topics", TEXTS), field("version", Kind::Int64), field("timestamp", Kind::Time)],
        )],
    ),
    record(
        17,
        "StreamsGroupMetadataKey",
        GROUP,
        &[
            value("StreamsGroupMetadataValue", &[field("epoch", Kind::Int32)]),
            value(
                "StreamsGroupMetadataValue",
                &[
                    field("epoch", Kind::Int32),
                    field("metadataHash", Kind::Int64),
                    field("assignmentConfigs", KEYS_AND_VALUES),
                    field("validatedTopologyEpoch", Kind::Int32).tagged(0),
                ],
            ),
            value(
                "StreamsGroupMetadataValue",
                &[
                    field("epoch", Kind::Int32),
                    field("metadataHash", Kind::Int64),
                    field("validatedTopologyEpoch", Kind::Int32).tagged(0),
                ],
            ),
        ],
    ),
    record(
        18,
        "StreamsGroupPartitionMetadataKey",
        GROUP,
        &[value("StreamsGroupPartitionMetadataValue", TOPIC_METADATA)],
    ),
    record(
        19,
        "StreamsGroupMemberMetadataKey",
        MEMBER,
        &[value(
            "StreamsGroupMemberMetadataValue",
            &[
                field("instanceId", Kind::Text).nullable(),
                field("rackId", Kind::Text).nullable(),
                field("clientId", Kind::Text),
                field("clientHost", Kind::Text),
                field("rebalanceTimeoutMs", Kind::Int32),
                field("topologyEpoch", Kind::Int32),
                field("processId", Kind::Text),
                field("userEndpoint", Kind::Struct(&[field("host", Kind::Text), field("port", Kind::Uint16)]))
                    .nullable(),
                field("clientTags", KEYS_AND_VALUES),
            ],
        )],
    ),
    record(
        20,
        "StreamsGroupTargetAssignmentMetadataKey",
        GROUP,
        &[value("StreamsGroupTargetAssignmentMetadataValue", ASSIGNMENT_EPOCH)],
    ),
    record(
        21,
        "StreamsGroupTargetAssignmentMemberKey",
        MEMBER,
        &[value(
            "StreamsGroupTargetAssignmentMemberValue",
            &[field("activeTasks", TASKS), field("standbyTasks", TASKS), field("warmupTasks", TASKS)],
        )],
    ),
    record(
        22,
        "StreamsGroupCurrentMemberAssignmentKey",
        MEMBER,
        &[value(
            "StreamsGroupCurrentMemberAssignmentValue",
            &[
                field("memberEpoch", Kind::Int32),
                field("previousMemberEpoch", Kind::Int32),
                field("state", Kind::Int8),
                field("activeTasks", TASKS),
                field("standbyTasks", TASKS),
                field("warmupTasks", TASKS),
                field("activeTasksPendingRevocation", TASKS),
                field("standbyTasksPendingRevocation", TASKS),
                field("warmupTasksPendingRevocation", TASKS),
            ],
        )],
    ),
    record(
        23,
        "StreamsGroupTopologyKey",
        GROUP,
        &[value("StreamsGroupTopologyValue", &[field("epoch", Kind::Int32), field("subtopologies", SUBTOPOLOGIES)])],
    ),
    record(
        24,
        "StreamsGroupTargetAssignmentResolvedTopicIdsKey",
        GROUP,
        &[value(
            "StreamsGroupTargetAssignmentResolvedTopicIdsValue",
            &[
                field("assignmentEpoch", Kind::Int32),
                field(
                    "resolvedTopicIdsBySubtopology",
                    Kind::Array(&Kind::Struct(&[
                        field("subtopologyId", Kind::Text),
                        field("topicIds", Kind::Array(&Kind::Uuid)),
                    ])),
                ),
            ],
        )],
    ),
];

pub(super) static TRANSACTION_STATE: [RecordType; 1] = [record(
    0,
    "TransactionLogKey",
    &[field("transactionalId", Kind::Text)],
    &[Message {
        name: "TransactionLogValue",
        versions: (0, 1),
        flexible_since: 1,
        fields: &[
            field("producerId", Kind::Int64),
            field("previousProducerId", Kind::Int64).tagged(0).since(1),
            field("nextProducerId", Kind::Int64).tagged(1).since(1),
            field("producerEpoch", Kind::Int16),
            field("transactionTimeoutMs", Kind::Int32),
            field("transactionStatus", Kind::Name(TRANSACTION_STATES)),
            field(
                "transactionPartitions",
                Kind::Array(&Kind::Struct(&[field("topic", Kind::Text), field("partitionIds", INT32S)])),
            )
            .nullable(),
            field("transactionLastUpdateTimestampMs", Kind::Time),
            field("transactionStartTimestampMs", Kind::Time),
            field("clientTransactionVersion", Kind::Int16).tagged(2).since(1),
        ],
    }],
)];
