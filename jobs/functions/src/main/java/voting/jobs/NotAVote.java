package voting.jobs;

/** The record can never be counted, and the message says why without naming voter or choice: dead-letter it. */
final class NotAVote extends Exception {

    NotAVote(String message) {
        // A flood of bad records must not cost a stack trace each.
        super(message, null, false, false);
    }
}
