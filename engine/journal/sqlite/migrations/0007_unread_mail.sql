-- inputs that no program of this version can read: set aside, so that they hold nobody up
CREATE TABLE mailbox_unread (
    mail_id INTEGER PRIMARY KEY,
    run_id  TEXT NOT NULL,
    input   TEXT NOT NULL
) STRICT;
