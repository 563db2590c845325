-- Records of many kinds. KEYS[1] is the prefix; ARGV[1] names the command.
--
-- Of a kind there is a hash (id to JSON text) and a sorted set of the ids by time, and
-- such a set for each workspace. A person's set names the records about them.

local P = KEYS[1]
local KINDS = P .. ':record-kinds'

local function records(kind) return P .. ':records:' .. kind end
local function times(kind) return P .. ':records-by-time:' .. kind end
local function times_in(kind, workspace)
  return P .. ':records-in:' .. workspace .. '\n' .. kind
end
local function records_of(person) return P .. ':records-of:' .. person end

local function remove(kind, id)
  local text = redis.call('HGET', records(kind), id)
  if not text then return 0 end
  local record = cjson.decode(text)
  redis.call('HDEL', records(kind), id)
  redis.call('ZREM', times(kind), id)
  redis.call('ZREM', times_in(kind, record.workspace), id)
  redis.call('SREM', records_of(record.person), kind .. '\n' .. id)
  return 1
end

local commands = {}

function commands.put(kind, id, at, person, workspace, body, only_new)
  if only_new == '1' then
    if redis.call('HEXISTS', records(kind), id) == 1 then return 0 end
  end
  remove(kind, id)
  redis.call('SADD', KINDS, kind)
  redis.call('HSET', records(kind), id, body)
  redis.call('ZADD', times(kind), at, id)
  if workspace ~= '' then redis.call('ZADD', times_in(kind, workspace), at, id) end
  if person ~= '' then redis.call('SADD', records_of(person), kind .. '\n' .. id) end
  return 1
end

function commands.newest(kind, workspace, before, limit)
  local order = workspace == '' and times(kind) or times_in(kind, workspace)
  local ids = redis.call('ZREVRANGEBYSCORE', order, before, '-inf', 'LIMIT', 0, limit)
  local result = {}
  for at, id in ipairs(ids) do result[at] = redis.call('HGET', records(kind), id) end
  return result
end

commands.remove = remove

function commands.purge(kind, before, limit)
  local ids = redis.call('ZRANGEBYSCORE', times(kind), '-inf', before, 'LIMIT', 0, limit)
  for _, id in ipairs(ids) do remove(kind, id) end
  return #ids
end

function commands.forget(person)
  local count = 0
  for _, name in ipairs(redis.call('SMEMBERS', records_of(person))) do
    local kind, id = string.match(name, '^([^\n]*)\n(.*)$')
    count = count + remove(kind, id)
  end
  redis.call('DEL', records_of(person))
  return count
end

function commands.forget_workspace(workspace, limit)
  local count = 0
  for _, kind in ipairs(redis.call('SMEMBERS', KINDS)) do
    local ids = redis.call('ZRANGE', times_in(kind, workspace), 0, limit - 1)
    for _, id in ipairs(ids) do count = count + remove(kind, id) end
  end
  return count
end

return commands[ARGV[1]](unpack(ARGV, 2))
