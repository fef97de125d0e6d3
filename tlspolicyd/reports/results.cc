#include "tlspolicyd/reports/results.h"

#include "libcommon/text.h"

#include <algorithm>

namespace postern::tlsrpt {
namespace {

using State = ipc::TlsReportState;

constexpr std::size_t max_rows = decltype(ipc::TlsResultListing::rows)::limit;

// What smtp-out says is what strangers' hosts made it see: text of one line, in ASCII, as long as it may be where it goes from here.
template <class Field> std::string clean(std::string_view text) {
    std::string out = printable(text, Field::limit);
    out.resize(std::min(out.size(), Field::limit));
    return out;
}
using Reason = decltype(ipc::TlsResult::reason);
using Ip = decltype(ipc::TlsResult::sending_ip);

std::string joined(const ipc::TlsResult& result) {
    std::vector<std::string> lines;
    for (const auto& record : result.tlsa) lines.push_back(clean<Text<256>>(record.view()));
    std::sort(lines.begin(), lines.end());           // a set: the DNS has no order
    std::string out;
    for (const std::string& line : lines) out += (out.empty() ? "" : "\n") + line;
    return out;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    if (text.empty()) return lines;
    for (const std::string_view line : split(text, '\n')) lines.emplace_back(line);
    return lines;
}

constexpr std::string_view due_stretches = "SELECT id, domain, day, began, ended, due, tries, state FROM stretches "
                                           "WHERE state IN (0, 1) AND next <= ? ORDER BY next LIMIT ?";
constexpr std::string_view latest_stretch = "SELECT id, domain, day, began, ended, due, tries, state FROM stretches "
                                            "WHERE domain = ?1 AND (?2 < 0 OR day = ?2) ORDER BY ended DESC, id DESC LIMIT 1";

Stretch stretch_in(const sql::Rows& rows) {
    return {rows.number(0), std::string(rows.text(1)), rows.number(2), rows.number(3), rows.number(4), rows.number(5),
            static_cast<std::uint32_t>(rows.number(6)), static_cast<State>(rows.number(7))};
}

} // namespace

Result<std::optional<std::int64_t>> Results::number(sql::Rows rows) {
    std::optional<std::int64_t> found;
    while (rows.next()) found = rows.number(0);
    if (auto failed = rows.failed()) return *failed;
    return found;
}

// ---- results come in -----------------------------------------------------------------------------------------------------

Result<Results::Lost> Results::add(const ipc::TlsResults& results, std::int64_t now) {
    Lost lost;
    sql::Transaction transaction(db_);
    for (const ipc::TlsResult& result : results.results)
        if (auto added = add_one(result, now, lost); !added) return added.error();
    if (auto done = transaction.commit(); !done) return done.error();
    return lost;
}

Result<void> Results::add_one(const ipc::TlsResult& result, std::int64_t now, Lost& lost) {
    const std::string domain = ascii_lower(clean<ipc::DnsName>(result.domain.view()));
    const auto stretch = stretch_for(domain, now);
    if (!stretch) return stretch.error();
    auto policy = Result<std::int64_t>(std::int64_t{0});
    if (*stretch != 0) policy = policy_for(*stretch, result);
    if (!policy) return policy.error();
    if (*policy == 0) {
        lost.domains += result.count;
        return {};
    }
    const bool good = result.result == ipc::TlsResultType::success;
    auto counted = db_.run("UPDATE policies SET successes = successes + ?, failures = failures + ? WHERE id = ?",
                           good ? result.count : 0, good ? 0 : result.count, *policy);
    if (!counted || good) return counted;
    return add_detail(*policy, result, lost);
}

Result<std::int64_t> Results::stretch_for(const std::string& domain, std::int64_t now) {
    const std::int64_t day = now / day_seconds;
    const auto found = number(db_.query("SELECT id FROM stretches WHERE day = ? AND domain = ? AND state = 0", day, domain));
    if (!found) return found.error();
    if (*found) return **found;
    const auto room = has_room(day);
    if (!room) return room.error();
    if (!*room) return std::int64_t{0};
    // Behind the last one of that day, where an operator has ended that.
    const auto before = number(db_.query("SELECT max(ended) FROM stretches WHERE domain = ? AND day = ?", domain, day));
    if (!before) return before.error();
    const std::int64_t began = std::max(day * day_seconds, before->value_or(0)), due = due_(day, domain);
    auto made = db_.run("INSERT INTO stretches (domain, day, began, ended, due, next) VALUES (?, ?, ?, ?, ?, ?)", domain, day, began,
                        (day + 1) * day_seconds, due, due);
    if (!made) return made.error();
    ++domains_;
    return db_.last_id();
}

// Counted once a day, not at each domain that is new.
Result<bool> Results::has_room(std::int64_t day) {
    if (day != day_) {
        const auto count = number(db_.query("SELECT count(*) FROM stretches WHERE day = ? AND state = 0", day));
        if (!count) return count.error();
        day_ = day;
        domains_ = static_cast<std::size_t>(count->value_or(0));
    }
    return domains_ < bounds_.domains_a_day;
}

Result<std::int64_t> Results::policy_for(std::int64_t stretch, const ipc::TlsResult& result) {
    const auto type = static_cast<int>(result.policy);
    const std::string id = clean<decltype(result.sts_id)>(result.sts_id.view()), lines = joined(result);
    const auto found = number(db_.query("SELECT id FROM policies WHERE stretch = ? AND type = ? AND sts_id = ? AND lines = ?", stretch, type,
                                        id, lines));
    if (!found) return found.error();
    if (*found) return **found;
    const auto count = number(db_.query("SELECT count(*) FROM policies WHERE stretch = ?", stretch));
    if (!count) return count.error();
    if (static_cast<std::size_t>(**count) >= bounds_.policies) return std::int64_t{0};
    auto made = db_.run("INSERT INTO policies (stretch, type, sts_id, lines) VALUES (?, ?, ?, ?)", stretch, type, id, lines);
    if (!made) return made.error();
    return db_.last_id();
}

Result<void> Results::add_detail(std::int64_t policy, const ipc::TlsResult& result, Lost& lost) {
    const auto type = static_cast<int>(result.result);
    const std::string from = clean<Ip>(result.sending_ip.view()), to = clean<Ip>(result.receiving_ip.view()),
                      host = clean<ipc::DnsName>(result.mx_host.view()), reason = clean<Reason>(result.reason.view());
    auto counted = db_.run("UPDATE details SET count = count + ? WHERE policy = ? AND result = ? AND sending_ip = ? AND receiving_ip = ? "
                           "AND mx_host = ? AND reason = ?",
                           result.count, policy, type, from, to, host, reason);
    if (!counted || db_.changed_rows() != 0) return counted;
    auto room = db_.run("UPDATE policies SET details = details + 1 WHERE id = ? AND details < ?", policy, bounds_.details);
    if (!room) return room;
    if (db_.changed_rows() == 0) {
        lost.details += result.count;
        return {};
    }
    return db_.run("INSERT INTO details (policy, result, sending_ip, receiving_ip, mx_host, reason, count) VALUES (?, ?, ?, ?, ?, ?, ?)",
                   policy, type, from, to, host, reason, result.count);
}

// ---- reports go out ------------------------------------------------------------------------------------------------------

Result<std::vector<Stretch>> Results::take_due(std::int64_t now, std::size_t limit) {
    std::vector<Stretch> due;
    {
        sql::Rows rows = db_.query(due_stretches, now, limit);
        while (rows.next()) due.push_back(stretch_in(rows));
        if (auto failed = rows.failed()) return *failed;
    }
    sql::Transaction transaction(db_);
    for (Stretch& stretch : due) {
        ++stretch.tries;
        stretch.state = State::asking;
        auto put_off = db_.run("UPDATE stretches SET state = 1, tries = ?, next = ? WHERE id = ?", stretch.tries,
                               now + pause_after(stretch.tries), stretch.id);
        if (!put_off) return put_off.error();
    }
    if (auto done = transaction.commit(); !done) return done.error();
    return due;
}

Result<std::vector<DueTarget>> Results::take_due_targets(std::int64_t now, std::size_t limit) {
    std::vector<DueTarget> due;
    {
        sql::Rows rows = db_.query("SELECT s.id, s.domain, s.day, s.began, s.ended, s.due, s.tries, s.state, t.uri, t.tries FROM targets t "
                                   "JOIN stretches s ON s.id = t.stretch WHERE t.state = 2 AND t.next <= ? ORDER BY t.next LIMIT ?",
                                   now, limit);
        while (rows.next()) {
            auto target = parse_target(rows.text(8));        // it was one when it was written
            if (target) due.push_back({stretch_in(rows), std::move(*target), static_cast<std::uint32_t>(rows.number(9)) + 1});
        }
        if (auto failed = rows.failed()) return *failed;
    }
    sql::Transaction transaction(db_);
    for (const DueTarget& taken : due) {
        auto put_off = db_.run("UPDATE targets SET tries = ?, next = ? WHERE stretch = ? AND uri = ?", taken.tries,
                               now + pause_after(taken.tries), taken.stretch.id, taken.target.uri);
        if (!put_off) return put_off.error();
    }
    if (auto done = transaction.commit(); !done) return done.error();
    return due;
}

Result<void> Results::set_targets(std::int64_t stretch, const std::vector<Target>& targets, std::int64_t now) {
    sql::Transaction transaction(db_);
    if (auto done = db_.run("UPDATE stretches SET state = 2 WHERE id = ? AND state = 1", stretch); !done) return done;
    for (const Target& target : targets)
        if (auto done = db_.run("INSERT OR IGNORE INTO targets (stretch, uri, next) VALUES (?, ?, ?)", stretch, target.uri, now); !done)
            return done;
    return transaction.commit();
}

Result<void> Results::end(std::int64_t stretch) { return db_.run("DELETE FROM stretches WHERE id = ?", stretch); }

Result<void> Results::note_failure(std::int64_t stretch, std::string_view uri, std::string_view reason) {
    return db_.run("UPDATE targets SET reason = ? WHERE stretch = ? AND uri = ?", clean<Reason>(reason), stretch, uri);
}

Result<void> Results::end_target(std::int64_t stretch, std::string_view uri, State state, std::string_view reason) {
    sql::Transaction transaction(db_);
    if (auto done = db_.run("UPDATE targets SET state = ?, reason = ? WHERE stretch = ? AND uri = ?", static_cast<int>(state), clean<Reason>(reason),
                            stretch, uri); !done)
        return done;
    // Sent, if one of them took it. There is none where an operator has begun it again meanwhile.
    auto over = db_.run("UPDATE stretches SET state = (SELECT min(state) FROM targets WHERE stretch = ?1) WHERE id = ?1 AND state = 2 "
                        "AND (SELECT min(state) FROM targets WHERE stretch = ?1) > 2",
                        stretch);
    if (!over) return over;
    return transaction.commit();
}

// ---- an operator looks ---------------------------------------------------------------------------------------------------

Result<ipc::TlsResultListing> Results::list(const ipc::ListTlsResults& ask, std::int64_t day) {
    sql::Rows rows = db_.query("SELECT s.domain, s.began, s.ended, s.state, p.type, sum(p.successes), sum(p.failures) FROM stretches s "
                               "JOIN policies p ON p.stretch = s.id WHERE s.day = ?1 AND (?2 = '' OR s.domain = ?2) AND s.domain > ?3 "
                               "GROUP BY s.domain, s.began, s.id, p.type ORDER BY s.domain, s.began, s.id, p.type LIMIT ?4",
                               day, ask.domain.view(), ask.after.view(), max_rows + 1);
    ipc::TlsResultListing listing;
    auto& found = listing.rows.items;
    while (rows.next())
        found.push_back({rows.text(0), rows.number(1), rows.number(2), static_cast<State>(rows.number(3)),
                         static_cast<ipc::TlsPolicyType>(rows.number(4)), rows.count(5), rows.count(6)});
    if (auto failed = rows.failed()) return *failed;
    // The last domain of a page may not be whole: it is the next one's, unless it fills this one.
    const std::size_t most = std::clamp<std::size_t>(ask.limit, 1, max_rows);
    if (found.size() <= most) return listing;
    const ipc::DnsName cut = found[most].domain;
    found.resize(most);
    if (found.front().domain != cut)
        while (found.back().domain == cut) found.pop_back();
    listing.next = found.back().domain;
    return listing;
}

Result<std::optional<Stretch>> Results::find(std::string_view domain, std::int64_t day) {
    sql::Rows rows = db_.query(latest_stretch, domain, day);
    std::optional<Stretch> found;
    while (rows.next()) found = stretch_in(rows);
    if (auto failed = rows.failed()) return *failed;
    return found;
}

Result<std::vector<PolicyResults>> Results::policies(std::int64_t stretch) {
    std::vector<PolicyResults> found;
    std::vector<std::int64_t> ids;
    {
        sql::Rows rows = db_.query("SELECT id, type, sts_id, lines, successes, failures FROM policies WHERE stretch = ? ORDER BY id", stretch);
        while (rows.next()) {
            ids.push_back(rows.number(0));
            found.push_back({static_cast<ipc::TlsPolicyType>(rows.number(1)), std::string(rows.text(2)), lines_of(rows.text(3)),
                             rows.count(4), rows.count(5), {}});
        }
        if (auto failed = rows.failed()) return *failed;
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
        sql::Rows rows = db_.query("SELECT result, sending_ip, receiving_ip, mx_host, reason, count FROM details WHERE policy = ?", ids[i]);
        while (rows.next())
            found[i].details.push_back({static_cast<ipc::TlsResultType>(rows.number(0)), std::string(rows.text(1)), std::string(rows.text(2)),
                                        std::string(rows.text(3)), std::string(rows.text(4)), rows.count(5)});
        if (auto failed = rows.failed()) return *failed;
    }
    return found;
}

Result<std::vector<ipc::TlsReportTarget>> Results::targets(std::int64_t stretch) {
    sql::Rows rows = db_.query("SELECT uri, state, tries, reason FROM targets WHERE stretch = ?", stretch);
    std::vector<ipc::TlsReportTarget> found;
    while (rows.next())
        found.push_back({rows.text(0), static_cast<State>(rows.number(1)), static_cast<std::uint32_t>(rows.number(2)), rows.text(3)});
    if (auto failed = rows.failed()) return *failed;
    return found;
}

Result<Stretch> Results::send_now(Stretch stretch, std::int64_t now) {
    sql::Transaction transaction(db_);
    if (stretch.state == State::gathering) {
        stretch.ended = std::min(stretch.ended, std::max(now, stretch.began + 1));
        stretch.due = now;
    }
    stretch.state = State::asking;                   // results that come now are of another stretch
    // Where it goes is asked again, too: that may be why it is to be sent once more.
    if (auto done = db_.run("DELETE FROM targets WHERE stretch = ?", stretch.id); !done) return done.error();
    if (auto done = db_.run("UPDATE stretches SET state = 1, ended = ?, due = ?, next = ?, tries = 0 WHERE id = ?", stretch.ended, stretch.due,
                            now, stretch.id); !done)
        return done.error();
    if (auto done = transaction.commit(); !done) return done.error();
    return stretch;
}

Result<void> Results::forget_old(std::int64_t now) {
    return db_.run("DELETE FROM stretches WHERE id IN (SELECT id FROM stretches WHERE day < ? LIMIT 500)", now / day_seconds - keep_days);
}

} // namespace postern::tlsrpt
