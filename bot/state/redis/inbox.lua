-- The commands of the inbox, over the functions of mailbox.lua. ARGV[1] names the command,
-- the rest are its arguments. Those that take a token write only for its owner.

local commands = {}

function commands.accept(id, key, event, person, digest, limit, control)
  local seen = P .. ':seen:' .. digest
  if redis.call('EXISTS', seen) == 1 then return 'duplicate' end
  if redis.call('HEXISTS', mail(id), 'e' .. key) == 1 then return 'duplicate' end
  if limit ~= '' then
    local said = 0
    for _, other in ipairs(redis.call('LRANGE', box(id), 0, -1)) do
      if string.sub(other, 1, 5) == 'said:' then said = said + 1 end
    end
    if said >= tonumber(limit) then return 'full' end
  end
  redis.call('SET', seen, '1', 'EX', WEEK)
  append(id, key, event, person)
  if control == '1' then redis.call('HINCRBY', hash(id), 'controls', 1) end
  return 'stored'
end

-- A worker asks for work. `sweep` is '1' when the pending ones are to be looked at first.
function commands.claim(worker, token, lease, sweep)
  promote()
  if sweep == '1' then
    local result = take_over(worker, token, lease)
    if result then return result end
  end
  return take_ready(worker, token) or take_over(worker, token, lease) or {}
end

-- The same for an entry that a blocking read has just delivered.
function commands.take(worker, token, entry, id)
  return take(entry, id, worker, token) or {}
end

function commands.reread(id, token)
  if not owned(id, token) then return 'lost' end
  return work(id, token)
end

-- Keeps claims; returns the places, in the arguments, of those that are lost. Only what
-- is still owned: a worker woken from a pause must not take its work back.
function commands.extend(...)
  local lost, pairs_given = {}, { ... }
  for at = 1, #pairs_given, 2 do
    local id, token = pairs_given[at], pairs_given[at + 1]
    if owned(id, token) then
      local entry = redis.call('HGET', hash(id), 'entry')
      redis.call('XCLAIM', READY, GROUP, CONSUMER, 0, entry, 'JUSTID')
    else
      lost[#lost + 1] = (at - 1) / 2
    end
  end
  return lost
end

function commands.controls(...)
  local counts = {}
  for at, id in ipairs({ ... }) do
    counts[at] = tonumber(redis.call('HGET', hash(id), 'controls') or 0)
  end
  return counts
end

function commands.begin(id, token, answer, body, tags, ...)
  if not owned(id, token) then return 'lost' end
  store(id, answer, body, tags)
  redis.call('HSET', hash(id), 'delivery', answer)
  for _, key in ipairs({ ... }) do
    if redis.call('HEXISTS', mail(id), 'e' .. key) == 1 then
      redis.call('HINCRBY', mail(id), 's' .. key, 1)
    end
  end
end

function commands.record(id, token, answer, body, tags)
  if not owned(id, token) then return 'lost' end
  store(id, answer, body, tags)
end

function commands.finish(id, token, answer, body, tags, ...)
  if not owned(id, token) then return 'lost' end
  if answer ~= '' then store(id, answer, body, tags) end
  for _, key in ipairs({ ... }) do remove(id, key) end
  redis.call('HDEL', hash(id), 'delivery')
  let_go(id)
end

function commands.postpone(id, token, delay, reason, ...)
  if not owned(id, token) then return 'lost' end
  for _, key in ipairs({ ... }) do
    if redis.call('HEXISTS', mail(id), 'e' .. key) == 1 then
      redis.call('HINCRBY', mail(id), 'f' .. key, 1)
    end
  end
  if redis.call('LLEN', box(id)) == 0 then return let_go(id) end -- all was forgotten
  unschedule(id)
  redis.call('HSET', hash(id), 'entry', 'later', 'reason', reason)
  redis.call('ZADD', LATER, now() + tonumber(delay), id)
end

function commands.release(id, token)
  if not owned(id, token) then return 'lost' end
  let_go(id)
end

-- A letter is JSON in the hash DEAD, beside a sorted set that keeps their order.
function commands.bury(id, token, answer, body, tags, letter, reason, ...)
  if not owned(id, token) then return 'lost' end
  local wanted, events = {}, {}
  for _, key in ipairs({ ... }) do wanted[key] = true end
  for _, key in ipairs(redis.call('LRANGE', box(id), 0, -1)) do
    if wanted[key] then
      local found = redis.call('HMGET', mail(id), 'e' .. key, 'p' .. key)
      events[#events + 1] = { key = key, event = found[1], person = found[2] }
    end
  end
  if #events > 0 then
    local number = redis.call('INCR', P .. ':letters')
    local at = tostring(now() / 1000)
    local text = { conversation = id, reason = reason, at = at, events = events }
    redis.call('HSET', DEAD, letter, cjson.encode(text))
    redis.call('ZADD', DEAD .. ':order', number, letter)
  end
  return commands.finish(id, token, answer, body, tags, ...)
end

local function drop_letter(letter)
  redis.call('HDEL', DEAD, letter)
  redis.call('ZREM', DEAD .. ':order', letter)
end

function commands.dead_letters(limit)
  local result = {}
  for _, letter in ipairs(redis.call('ZREVRANGE', DEAD .. ':order', 0, limit - 1)) do
    result[#result + 1] = letter
    result[#result + 1] = redis.call('HGET', DEAD, letter)
  end
  return result
end

function commands.revive(letter)
  local text = redis.call('HGET', DEAD, letter)
  if not text then return 0 end
  local found = cjson.decode(text)
  for _, event in ipairs(found.events) do
    append(found.conversation, event.key, event.event, event.person)
  end
  drop_letter(letter)
  return 1
end

function commands.stats()
  local waiting = 0
  for _, id in ipairs(redis.call('ZRANGE', BOXES, 0, -1)) do
    waiting = waiting + redis.call('LLEN', box(id))
  end
  local oldest = redis.call('ZRANGE', BOXES, 0, 0, 'WITHSCORES')[2]
  local age = oldest and math.max(0, now() - tonumber(oldest)) or 0
  local claimed = redis.call('XPENDING', READY, GROUP)[1]
  return { waiting, redis.call('ZCARD', BOXES), claimed, redis.call('HLEN', DEAD), age }
end

function commands.forget(person)
  local count = 0
  for _, id in ipairs(redis.call('ZRANGE', BOXES, 0, -1)) do
    for _, key in ipairs(redis.call('LRANGE', box(id), 0, -1)) do
      if redis.call('HGET', mail(id), 'p' .. key) == person and remove(id, key) then
        count = count + 1
      end
    end
    -- Who is at work there just now finds out by itself.
    if not settle(id) and redis.call('HEXISTS', hash(id), 'token') == 0 then let_go(id) end
  end
  for _, letter in ipairs(redis.call('HKEYS', DEAD)) do
    local found, kept = cjson.decode(redis.call('HGET', DEAD, letter)), {}
    for _, event in ipairs(found.events) do
      if event.person ~= person then kept[#kept + 1] = event end
    end
    count = count + #found.events - #kept
    if #kept == 0 then
      drop_letter(letter)
    elseif #kept < #found.events then
      found.events = kept
      redis.call('HSET', DEAD, letter, cjson.encode(found))
    end
  end
  return count
end

-- Erases whole conversations, whoever is at work there; how many events waited.
function commands.erase(...)
  local count = 0
  for _, id in ipairs({ ... }) do
    count = count + redis.call('LLEN', box(id))
    unschedule(id)
    redis.call('ZREM', BOXES, id)
    redis.call('DEL', hash(id), box(id), mail(id))
  end
  return count
end

-- Erases the dead letters of all conversations that begin so; how many events.
function commands.erase_letters(beginning)
  local count = 0
  for _, letter in ipairs(redis.call('HKEYS', DEAD)) do
    local found = cjson.decode(redis.call('HGET', DEAD, letter))
    if string.sub(found.conversation, 1, #beginning) == beginning then
      count = count + #found.events
      drop_letter(letter)
    end
  end
  return count
end

-- Brings the queue back after the stream, or its group, was lost (a FLUSH, an eviction):
-- what waits in the mailboxes is scheduled anew.
function commands.heal()
  redis.pcall('XGROUP', 'CREATE', READY, GROUP, '0', 'MKSTREAM')
  for _, id in ipairs(redis.call('ZRANGE', BOXES, 0, -1)) do
    local entry = redis.call('HGET', hash(id), 'entry')
    if entry == 'later' then
      redis.call('ZADD', LATER, 'NX', now(), id)
    elseif not entry or #redis.call('XRANGE', READY, entry, entry) == 0 then
      schedule(id)
    end
  end
end

return commands[ARGV[1]](unpack(ARGV, 2))
