-- One row an entry. `line` is what is hashed; the other columns are copies out of it, to look up by.
CREATE TABLE entry (
    seq    INTEGER PRIMARY KEY CHECK (seq > 0),
    action TEXT    NOT NULL,
    at_us  INTEGER NOT NULL, -- microseconds since 1970
    hash   BLOB    NOT NULL CHECK (length(hash) = 32),
    line   TEXT    NOT NULL
) STRICT;
CREATE INDEX entry_by_action ON entry (action, seq);
CREATE INDEX entry_by_time ON entry (at_us);
-- A guard against slips; the hash chain is what shows intent.
CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'entries of the journal are never changed'); END;
CREATE TRIGGER entry_is_never_deleted BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'entries of the journal are never deleted'); END;
