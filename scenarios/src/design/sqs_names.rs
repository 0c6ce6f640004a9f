//! The names of Amazon SQS's settings that a file may use, and those that exist but are not modelled yet. From its API
//! reference: SetQueueAttributes, ReceiveMessage, SendMessage.

use super::settings::Table;

/// A queue.
pub(crate) const QUEUE: Table = Table {
    of: "a queue of SQS",
    modelled: &[
        "VisibilityTimeout",
        "MessageRetentionPeriod",
        "DelaySeconds",
        "ReceiveMessageWaitTimeSeconds",
        "MaximumMessageSize",
        "RedrivePolicy",
        "FifoQueue",
        "ContentBasedDeduplication",
    ],
    known: &["Policy RedriveAllowPolicy KmsMasterKeyId KmsDataKeyReusePeriodSeconds SqsManagedSseEnabled
        DeduplicationScope FifoThroughputLimit QueueArn"],
};

/// Where messages go that were received too often.
pub(crate) const REDRIVE: Table = Table {
    of: "a redrive policy of SQS",
    modelled: &["deadLetterTargetArn", "maxReceiveCount"],
    known: &["redrivePermission sourceQueueArns"],
};

/// What a consumer says as it receives.
pub(crate) const CLIENT: Table = Table {
    of: "a client of SQS",
    modelled: &["MaxNumberOfMessages", "WaitTimeSeconds"],
    known: &["VisibilityTimeout ReceiveRequestAttemptId DelaySeconds MessageGroupId MessageDeduplicationId AttributeNames
        MessageAttributeNames MessageSystemAttributeNames MessageSystemAttributes MessageAttributes"],
};
