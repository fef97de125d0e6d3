#include "policyd/clients.h"

#include <algorithm>

namespace postern::policy {
namespace {

constexpr std::int64_t often_enough = 86'400;    // to write again that a client was seen
constexpr std::size_t most_noted = 20'000;       // between two writes; a second's worth of anybody's clients
constexpr int piece = 500;                       // rows removed at a time: nobody waits for it

} // namespace

Result<std::optional<Clients::Row>> Clients::stored(const std::string& network) {
    sql::Rows rows = db_.query("SELECT proven, seen FROM clients WHERE network = ?", std::string_view(network));
    std::optional<Row> row;
    if (rows.next()) row = Row{rows.number(0) != 0, rows.number(1)};
    if (auto failed = rows.failed()) return *failed;
    return row;
}

ipc::Standing Clients::standing(const std::string& network, std::int64_t now) {
    std::optional<Row> row;
    if (const auto noted = noted_.find(network); noted != noted_.end()) {
        row = noted->second;
    } else {
        auto found = stored(network);
        if (!found) return ipc::Standing::patient;
        row = *found;
    }
    if (!row || row->seen + settings_.remember < now) return ipc::Standing::stranger;
    return row->proven ? ipc::Standing::proven : ipc::Standing::patient;
}

void Clients::note(const std::string& network, bool proven, std::int64_t now) {
    Row row{proven, now};
    if (const auto noted = noted_.find(network); noted != noted_.end()) {
        noted->second.proven = noted->second.proven || proven;
        return;
    }
    if (auto known = stored(network); known && *known) {
        if ((*known)->seen + often_enough > now && ((*known)->proven || !proven)) return;
        row.proven = proven || ((*known)->proven && (*known)->seen + settings_.remember >= now);
    }
    if (noted_.size() < most_noted) noted_.emplace(network, row);
}

Result<void> Clients::write() {
    if (noted_.empty()) return {};
    sql::Transaction transaction(db_);
    for (const auto& [network, row] : noted_) {
        auto put = db_.run("INSERT INTO clients (network, proven, seen) VALUES (?, ?, ?) "
                           "ON CONFLICT (network) DO UPDATE SET proven = excluded.proven, seen = excluded.seen",
                           std::string_view(network), row.proven ? 1 : 0, row.seen);
        if (!put) return put;
    }
    auto done = transaction.commit();
    if (done) noted_.clear();
    return done;
}

Result<void> Clients::remove_old(std::int64_t now) {
    for (const int proven : {0, 1}) {
        auto removed = db_.run("DELETE FROM clients WHERE network IN "
                               "(SELECT network FROM clients WHERE proven = ? AND seen < ? ORDER BY seen LIMIT ?)",
                               proven, now - settings_.remember, piece);
        if (!removed) return removed;
    }
    std::uint64_t rows = 0;
    {
        sql::Rows count = db_.query("SELECT count(*) FROM clients");
        if (count.next()) rows = count.count(0);
        if (auto failed = count.failed()) return *failed;
    }
    if (rows <= settings_.most) return {};
    return db_.run("DELETE FROM clients WHERE network IN (SELECT network FROM clients ORDER BY proven, seen LIMIT ?)",
                   std::min<std::uint64_t>(rows - settings_.most, piece));
}

} // namespace postern::policy
