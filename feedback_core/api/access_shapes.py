"""What goes over the wire about people and tokens."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from ..people import MOST_DAYS, MOST_NAME, MOST_SUBJECT
from ..types import Role, SignedIn
from .work_shapes import Body, Event


class NewMember(Body):
    subject: str = Field(
        min_length=1, max_length=MOST_SUBJECT, description="Verified e-mail address, or `issuer|subject`."
    )
    role: Role
    name: str = Field(default="", max_length=200, description="For people to read; empty keeps the one stored.")


class Member(BaseModel):
    id: int
    project_id: int | None = Field(description="null: all projects.")
    subject: str
    name: str
    role: Role
    added_at: str
    added_by: str


class ChangedMember(Member):
    revoked_tokens: list[str] = Field(description="Tokens they had made, which ended because they are admin no longer.")


class NewToken(Body):
    name: str = Field(min_length=1, max_length=MOST_NAME, description="What it is for; never used twice.")
    role: Role
    days: Annotated[float, Field(gt=0, le=MOST_DAYS, description="Until it ends.")] = 90.0
    may_act_for_others: bool = Field(default=False, description="May record what it does under other names.")


class Token(BaseModel):
    id: int
    project_id: int | None = Field(description="null: all projects.")
    name: str
    prefix: str = Field(description="How its secret begins.")
    role: Role
    may_act_for_others: bool
    created_by: str
    created_at: str
    expires_at: str
    revoked_at: str | None
    revoked_by: str | None
    last_used_at: str | None = Field(description="To the minute.")


class MadeToken(Token):
    secret: str = Field(description="Shown this once: only its hash is kept.")


class RoleIn(BaseModel):
    project_id: int
    role: Role


class WhoAmI(BaseModel):
    name: str = Field(description="What stands in the audit trail.")
    signed_in: SignedIn
    everywhere: Role | None = Field(description="Role in all projects.")
    roles: list[RoleIn] = Field(description="Roles in single projects.")
    may_act_for_others: bool


class AdminEvents(BaseModel):
    items: list[Event]
    next: int | None = Field(description="Give this as `after` for the next page; null on the last.")
