-- Writes an election's totals into its hash, and only what moves forward: (generation, count) never shrinks.
-- KEYS[1]  totals:{electionId}
-- ARGV     as-of in milliseconds, then candidateId, generation, count for each total
-- Returns how many totals moved.
-- A sealed election's totals are final: the field _sealed is there (python -m elections seal), and nothing moves.
if redis.call('HEXISTS', KEYS[1], '_sealed') == 1 then
    return 0
end
local moved = 0
local rebuilt = false
for i = 2, #ARGV, 3 do
    local generation, count = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
    local known_generation, known_count = nil, nil
    local known = redis.call('HGET', KEYS[1], ARGV[i])
    if known then
        known_generation, known_count = string.match(known, '^(%d+):(%d+)$')
        known_generation, known_count = tonumber(known_generation), tonumber(known_count)
    end
    if not known_generation
        or generation > known_generation
        or (generation == known_generation and count > known_count) then
        redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1] .. ':' .. ARGV[i + 2])
        moved = moved + 1
        rebuilt = rebuilt or (known_generation ~= nil and generation > known_generation)
    end
end
-- A rebuild starts with old votes, so its totals may be older than those that they replace.
if moved > 0 then
    local known_as_of = tonumber(redis.call('HGET', KEYS[1], '_as_of') or '')
    if rebuilt or not known_as_of or tonumber(ARGV[1]) > known_as_of then
        redis.call('HSET', KEYS[1], '_as_of', ARGV[1])
    end
end
return moved
