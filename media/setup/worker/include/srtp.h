// The worker is written against libsrtp 3; Debian 12 has libsrtp 2. This header offers the part of 3's interface that
// the worker calls, on top of 2's: a policy that is an opaque handle, and calls that read from one buffer and write to
// another. Everything else is handed on unchanged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

// Both versions say `srtp_policy_t`: a struct in 2, a handle in 3.
#define srtp_policy_t srtp2_policy_t
#include <srtp2/srtp.h>
#undef srtp_policy_t

// Errors that 2 does not know; the worker looks them up by value, so they must differ from all others.
constexpr auto srtp_err_status_buffer_small = static_cast<srtp_err_status_t>(900);
constexpr auto srtp_err_status_cryptex_err  = static_cast<srtp_err_status_t>(901);

struct UsherSrtpPolicy
{
	srtp2_policy_t settings{};
	// libsrtp 2 wants key and salt in one piece, and does not copy them before srtp_create().
	uint8_t masterKey[SRTP_MAX_KEY_LEN]{};
};

using srtp_policy_t = UsherSrtpPolicy*;

inline srtp_err_status_t srtp_policy_create(srtp_policy_t* policy)
{
	*policy = new (std::nothrow) UsherSrtpPolicy();

	return *policy != nullptr ? srtp_err_status_ok : srtp_err_status_alloc_fail;
}

inline void srtp_policy_destroy(srtp_policy_t policy)
{
	if (policy == nullptr)
	{
		return;
	}

	// Through a volatile pointer, so that the compiler may not leave the wiping out.
	volatile uint8_t* byte = policy->masterKey;

	for (size_t i{ 0 }; i < sizeof(policy->masterKey); ++i)
	{
		byte[i] = 0;
	}

	delete policy;
}

inline srtp_err_status_t srtp_policy_set_ssrc(srtp_policy_t policy, srtp_ssrc_t ssrc)
{
	policy->settings.ssrc = ssrc;

	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_profile(srtp_policy_t policy, srtp_profile_t profile)
{
	const auto status = srtp_crypto_policy_set_from_profile_for_rtp(&policy->settings.rtp, profile);

	if (status != srtp_err_status_ok)
	{
		return status;
	}

	return srtp_crypto_policy_set_from_profile_for_rtcp(&policy->settings.rtcp, profile);
}

inline srtp_err_status_t srtp_policy_add_key(
  srtp_policy_t policy,
  const uint8_t* key,
  size_t keyLen,
  const uint8_t* salt,
  size_t saltLen,
  const uint8_t* /*mki*/,
  size_t /*mkiLen*/)
{
	if (keyLen > sizeof(policy->masterKey) || saltLen > sizeof(policy->masterKey) - keyLen)
	{
		return srtp_err_status_bad_param;
	}

	std::memcpy(policy->masterKey, key, keyLen);
	std::memcpy(policy->masterKey + keyLen, salt, saltLen);
	policy->settings.key = policy->masterKey;

	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_allow_repeat_tx(srtp_policy_t policy, bool allow)
{
	policy->settings.allow_repeat_tx = allow ? 1 : 0;

	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_window_size(srtp_policy_t policy, size_t packets)
{
	policy->settings.window_size = packets;

	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_create(srtp_t* session, srtp_policy_t policy)
{
	return srtp_create(session, static_cast<const srtp2_policy_t*>(&policy->settings));
}

inline srtp_err_status_t srtp_stream_remove(srtp_t session, uint32_t ssrc)
{
	return srtp_remove_stream(session, ssrc);
}

// Runs one of libsrtp 2's calls, which work in place, on a copy in `out`. `growth` is what the call may append.
inline srtp_err_status_t usherSrtpInPlace(
  srtp_err_status_t (*call)(srtp_t, void*, int*),
  size_t growth,
  srtp_t session,
  const uint8_t* in,
  size_t inLen,
  uint8_t* out,
  size_t* outLen)
{
	if (*outLen < inLen || *outLen - inLen < growth)
	{
		return srtp_err_status_buffer_small;
	}

	if (in != out)
	{
		std::memcpy(out, in, inLen);
	}

	int len           = static_cast<int>(inLen);
	const auto status = call(session, out, &len);

	*outLen = static_cast<size_t>(len);

	return status;
}

inline srtp_err_status_t srtp_protect(
  srtp_t session, const uint8_t* in, size_t inLen, uint8_t* out, size_t* outLen, size_t /*mki*/ = 0)
{
	return usherSrtpInPlace(srtp_protect, SRTP_MAX_TRAILER_LEN, session, in, inLen, out, outLen);
}

inline srtp_err_status_t srtp_protect_rtcp(
  srtp_t session, const uint8_t* in, size_t inLen, uint8_t* out, size_t* outLen, size_t /*mki*/ = 0)
{
	// SRTCP also appends its 32-bit index (RFC 3711 section 3.4).
	return usherSrtpInPlace(srtp_protect_rtcp, SRTP_MAX_TRAILER_LEN + 4, session, in, inLen, out, outLen);
}

inline srtp_err_status_t srtp_unprotect(srtp_t session, const uint8_t* in, size_t inLen, uint8_t* out, size_t* outLen)
{
	return usherSrtpInPlace(srtp_unprotect, 0, session, in, inLen, out, outLen);
}

inline srtp_err_status_t srtp_unprotect_rtcp(
  srtp_t session, const uint8_t* in, size_t inLen, uint8_t* out, size_t* outLen)
{
	return usherSrtpInPlace(srtp_unprotect_rtcp, 0, session, in, inLen, out, outLen);
}
