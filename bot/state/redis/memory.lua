-- Session memory. KEYS[1] is the prefix; ARGV[1] names the command.
--
-- Of a session there is a hash (summary; per message "t" + id: the turn, "p" + id: whose
-- it is) and a list of the message ids in order. A turn that went into the summary stays
-- without its "t": so that it is known which messages, and whose, a summary may hold.

local P = KEYS[1]

local function session(id) return P .. ':session:' .. id end
local function order(id) return P .. ':turns:' .. id end
local function sessions_of(person) return P .. ':sessions-of:' .. person end

-- Calls `visit` with the message id, the turn (false when summarised) and the person.
local function each_turn(id, visit)
  for _, message in ipairs(redis.call('LRANGE', order(id), 0, -1)) do
    local found = redis.call('HMGET', session(id), 't' .. message, 'p' .. message)
    visit(message, found[1], found[2])
  end
end

local function erase(id, message)
  redis.call('LREM', order(id), 1, message)
  redis.call('HDEL', session(id), 't' .. message, 'p' .. message)
end

local function drop_summary(id)
  redis.call('HDEL', session(id), 'summary')
  each_turn(id, function(message, turn)
    if not turn then erase(id, message) end
  end)
end

local function keep_index(person, id, ttl)
  redis.call('SADD', sessions_of(person), id)
  local left = redis.call('PTTL', sessions_of(person))
  redis.call('PEXPIRE', sessions_of(person), math.max(left, tonumber(ttl)))
end

local commands = {}

function commands.recall(id)
  local result = { redis.call('HGET', session(id), 'summary') or '' }
  each_turn(id, function(_, turn)
    if turn then result[#result + 1] = turn end
  end)
  return result
end

function commands.remember(id, message, person, turn, ttl)
  if redis.call('HSET', session(id), 'p' .. message, person) == 1 then
    redis.call('RPUSH', order(id), message)
  end
  redis.call('HSET', session(id), 't' .. message, turn)
  redis.call('PEXPIRE', session(id), ttl)
  redis.call('PEXPIRE', order(id), ttl)
  keep_index(person, id, ttl)
end

function commands.summarise(id, summary, former, ...)
  if redis.call('EXISTS', session(id)) == 0 then return end
  local there = redis.call('HGET', session(id), 'summary') or ''
  if former ~= '' and former ~= '=' .. there then return end
  for _, message in ipairs({ ... }) do
    -- Somebody had it erased while this summary, which holds it, was being written: the
    -- turns that are left are summarised anew.
    if redis.call('HEXISTS', session(id), 't' .. message) == 0 then return end
  end
  for _, message in ipairs({ ... }) do
    redis.call('HDEL', session(id), 't' .. message)
  end
  redis.call('HSET', session(id), 'summary', summary)
end

function commands.drop(id, message)
  if redis.call('HEXISTS', session(id), 'p' .. message) == 0 then return 0 end
  erase(id, message)
  drop_summary(id)
  return 1
end

function commands.reset(id)
  local count = 0
  each_turn(id, function(_, turn)
    if turn then count = count + 1 end
  end)
  redis.call('DEL', session(id), order(id))
  return count
end

function commands.forget(person)
  local count = 0
  for _, id in ipairs(redis.call('SMEMBERS', sessions_of(person))) do
    local took_part = false
    each_turn(id, function(message, turn, who)
      if who ~= person then return end
      took_part = true
      if turn then count = count + 1 end
      erase(id, message)
    end)
    if took_part then drop_summary(id) end
  end
  redis.call('DEL', sessions_of(person))
  return count
end

return commands[ARGV[1]](unpack(ARGV, 2))
