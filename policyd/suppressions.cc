#include "policyd/suppressions.h"

#include "libcommon/log.h"
#include "libcommon/text.h"

#include <algorithm>

namespace postern::policy {
namespace {

constexpr std::size_t room_made = 1000;          // at a time: looking for who goes is a walk over all

} // namespace

Result<void> Suppressions::load() {
    sql::Rows stored = db_.query("SELECT address, refusals, first, last, until, code, host, reply, by_whom FROM suppressions");
    while (stored.next()) {
        ipc::SuppressionRow row;
        row.address = stored.text(0);
        row.refusals = static_cast<std::uint32_t>(stored.number(1));
        row.first = stored.number(2);
        row.last = stored.number(3);
        row.until = stored.number(4);
        row.code = stored.text(5);
        row.host = stored.text(6);
        row.reply = stored.text(7);
        row.by = stored.text(8);
        rows_.insert_or_assign(row.address.value, std::move(row));
    }
    if (auto failed = stored.failed()) return *failed;
    return {};
}

// One that was stopped begins anew when its time is over, so that it is tried again.
bool Suppressions::is_over(const ipc::SuppressionRow& row, std::int64_t now, const Settings& settings) {
    return row.until != 0 ? row.until <= now : row.last + settings.time <= now;
}

void Suppressions::refused(const ipc::AddressNote& note, std::int64_t now) {
    const std::string address = ascii_lower(note.address.view());
    auto at = rows_.find(address);
    if (at != rows_.end() && is_over(at->second, now, settings_)) erase(std::exchange(at, rows_.end()));
    if (at == rows_.end()) {
        if (rows_.size() >= settings_.most && !make_room(now)) return;
        at = rows_.try_emplace(address).first;
        at->second.address = address;
        at->second.first = now;
    }
    ipc::SuppressionRow& row = at->second;
    ++row.refusals;
    row.last = now;
    row.code = note.code;
    row.host = note.host;
    if (row.by.empty()) row.reply = note.reply;              // an operator's reason stays
    if (row.until == 0 && settings_.after != 0 && row.refusals >= settings_.after) {
        row.until = now + settings_.time;
        log::warning("policyd.suppressed", {{"queue", note.id.text()}, {"rcpt", address}, {"refusals", row.refusals}, {"until", row.until},
                                            {"code", row.code.view()}, {"host", row.host.view()}, {"reply", row.reply.view()}});
    }
    changed_.insert(address);
}

// Mail that was under way when its address was stopped does not undo that, whoever stopped it.
void Suppressions::taken(std::string_view address, std::int64_t now) {
    if (rows_.empty()) return;
    const auto at = rows_.find(ascii_lower(address));
    if (at == rows_.end() || at->second.until > now) return;
    erase(at);
}

Result<void> Suppressions::add(ipc::SuppressionRow row, std::int64_t now) {
    row.address = ascii_lower(row.address.view());
    const bool known = rows_.contains(row.address.view());
    if (!known && rows_.size() >= settings_.most && !make_room(now)) return Error(Errc::no_space, "as many addresses are suppressed as may be");
    ipc::SuppressionRow& kept = rows_[row.address.value];
    kept.address = row.address;
    kept.until = row.until != 0 ? row.until : now + settings_.time;
    kept.reply = std::move(row.reply);
    kept.by = std::move(row.by);
    if (!known) kept.first = kept.last = now;
    log::info("policyd.suppressed", {{"queue", "all"}, {"rcpt", kept.address.view()}, {"until", kept.until}, {"by", kept.by.view()}});
    changed_.insert(row.address.value);
    return {};
}

bool Suppressions::remove(std::string_view address) {
    const auto at = rows_.find(ascii_lower(address));
    if (at == rows_.end()) return false;
    erase(at);
    return true;
}

Suppressions::Rows::iterator Suppressions::erase(Rows::iterator at) {
    if (at->second.until != 0) log::info("policyd.unsuppressed", {{"queue", "all"}, {"rcpt", at->first}});
    changed_.insert(at->first);
    return rows_.erase(at);
}

// Those that are only watched, the longest forgotten first.
bool Suppressions::make_room(std::int64_t now) {
    std::vector<Rows::iterator> watched;
    for (auto at = rows_.begin(); at != rows_.end(); ++at)
        if (at->second.until <= now) watched.push_back(at);
    const std::size_t going = std::min(room_made, watched.size());
    std::partial_sort(watched.begin(), watched.begin() + static_cast<std::ptrdiff_t>(going), watched.end(),
                      [](const auto& a, const auto& b) { return a->second.last < b->second.last; });
    for (std::size_t i = 0; i < going; ++i) erase(watched[i]);
    return going != 0;
}

const ipc::SuppressionRow* Suppressions::find(std::string_view address, std::int64_t now) const {
    if (rows_.empty()) return nullptr;
    const auto at = rows_.find(ascii_lower(address));
    return at != rows_.end() && at->second.until > now ? &at->second : nullptr;
}

std::vector<ipc::SuppressionRow> Suppressions::page(std::string_view after, std::size_t limit) const {
    std::vector<ipc::SuppressionRow> found;
    for (auto at = rows_.upper_bound(after); at != rows_.end() && found.size() < limit; ++at) found.push_back(at->second);
    return found;
}

std::size_t Suppressions::in_force(std::int64_t now) const {
    return static_cast<std::size_t>(std::count_if(rows_.begin(), rows_.end(), [now](const auto& row) { return row.second.until > now; }));
}

void Suppressions::expire(std::int64_t now) {
    for (auto at = rows_.begin(); at != rows_.end();) at = is_over(at->second, now, settings_) ? erase(at) : std::next(at);
}

Result<void> Suppressions::write() {
    if (changed_.empty()) return {};
    sql::Transaction transaction(db_);
    for (const std::string& address : changed_) {
        const auto at = rows_.find(address);
        if (at == rows_.end()) {
            if (auto gone = db_.run("DELETE FROM suppressions WHERE address = ?", std::string_view(address)); !gone) return gone;
            continue;
        }
        const ipc::SuppressionRow& row = at->second;
        auto put = db_.run("INSERT OR REPLACE INTO suppressions (address, refusals, first, last, until, code, host, reply, by_whom) "
                           "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                           row.address.view(), row.refusals, row.first, row.last, row.until, row.code.view(), row.host.view(),
                           row.reply.view(), row.by.view());
        if (!put) return put;
    }
    auto done = transaction.commit();
    if (done) changed_.clear();
    return done;
}

} // namespace postern::policy
