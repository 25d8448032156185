-- A store file of layout 1, as released first. Never edit: it stands for files that are out there.
CREATE TABLE layout (part TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO layout VALUES ('store', 1);
CREATE TABLE collections (name TEXT PRIMARY KEY, indexes TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO collections VALUES ('counters', '{"n":"unique"}');
CREATE TABLE "doc_counters" (key TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL, "ix_n");
CREATE UNIQUE INDEX "counters:n" ON "doc_counters" ("ix_n");
INSERT INTO "doc_counters" VALUES ('k1', 3, '{"n":1,"padding":"from an older Usher"}', 1.0);
INSERT INTO "doc_counters" VALUES ('k2', 1, '{"n":2,"padding":""}', 2.0);
