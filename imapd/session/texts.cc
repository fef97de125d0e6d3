#include "imapd/session/texts.h"

#include "imapd/session/message_text.h"

#include <algorithm>
#include <iterator>

namespace postern::imapd {
namespace {

constexpr std::size_t made_at_once = 32;

} // namespace

std::size_t Texts::load(store::Mailbox& mailbox, std::span<const store::Uid> uids) {
    texts_.clear();
    (void)mailbox.cached(uids, [&](store::Uid uid, store::Cached& texts) {
        if (!texts.envelope.empty()) texts_.emplace_back(uid, std::move(texts));
        return true;
    });
    if (texts_.size() == uids.size()) return uids.size();
    std::vector<std::pair<store::Uid, store::Cached>> made;
    auto have = texts_.begin();
    std::size_t looked_for = 0;
    for (; looked_for < uids.size() && made.size() < made_at_once; ++looked_for) {
        const store::Uid uid = uids[looked_for];
        while (have != texts_.end() && have->first < uid) ++have;
        if (have != texts_.end() && have->first == uid) continue;
        const auto body = mailbox.open_body(uid);
        if (!body) continue;
        made.emplace_back(uid, make_texts(read_whole(*body)));
        mailbox.cache(uid, made.back().second);
    }
    const auto middle = texts_.insert(texts_.end(), std::make_move_iterator(made.begin()),
                                      std::make_move_iterator(made.end()));
    std::inplace_merge(texts_.begin(), middle, texts_.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
    return looked_for;
}

const store::Cached* Texts::find(store::Uid uid) const {
    const auto found = std::lower_bound(texts_.begin(), texts_.end(), uid,
                                        [](const auto& entry, store::Uid u) { return entry.first < u; });
    return found != texts_.end() && found->first == uid ? &found->second : nullptr;
}

} // namespace postern::imapd
